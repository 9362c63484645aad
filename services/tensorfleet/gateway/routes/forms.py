"""Shorter requests that become jobs: a route for every form of every installed kind."""

import inspect
from typing import Any

import msgspec
from litestar import Response, post
from litestar.di import NamedDependency
from litestar.handlers import BaseRouteHandler
from litestar.params import SkipValidation

from tensorfleet.gateway.bodies import body_of
from tensorfleet.gateway.problems import problem_responses
from tensorfleet.gateway.routes.jobs import IdempotencyKey, submit_job
from tensorfleet.gateway.upstreams import Upstreams
from tensorfleet.kinds.registry import find_kind, kind_names
from tensorfleet.shared.rest.job_files import check_job
from tensorfleet.shared.rest.jobs import Job


def form_routes() -> list[BaseRouteHandler]:
    """One route for each form."""
    return [
        _route(kind, form, shape)
        for kind in kind_names()
        for form, shape in find_kind(kind).forms.items()
    ]


def _route(kind: str, form: str, shape: type[msgspec.Struct]) -> BaseRouteHandler:
    async def submit(
        data: Any,
        upstreams: NamedDependency[SkipValidation[Upstreams]],
        idempotency_key: IdempotencyKey = None,
    ) -> Response[Job]:
        # As it would have come by POST /api/v1/jobs: lists for tuples, and nothing but JSON.
        document = msgspec.json.decode(msgspec.json.encode(data.to_job()))
        return await submit_job(check_job(document), upstreams, idempotency_key)

    body, dto = body_of(shape)
    submit.__name__ = form.replace("-", "_")
    submit.__doc__ = (
        f"{inspect.getdoc(shape) or ''}\n\n"
        f"Accepts a {kind} job made of this; when this answers, it is durable and queued."
    )
    submit.__annotations__["data"] = body
    return post(
        f"/api/v1/{form}",
        tags=["jobs"],
        summary=f"Submit a {kind} job: {form}",
        dto=dto,
        return_dto=None,
        responses=problem_responses(400, 401, 409, 413, 503),
    )(submit)
