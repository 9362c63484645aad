"""The HTTP application: routes, what they get injected, and what is around them."""

from litestar import Litestar
from litestar.config.compression import CompressionConfig
from litestar.config.cors import CORSConfig
from litestar.di import Provide
from litestar.plugins import PluginProtocol
from litestar.plugins.core import MsgspecDIPlugin
from litestar.types import ASGIApp, ControllerRouterHandler
from prometheus_client import CollectorRegistry

from tensorfleet import __version__
from tensorfleet.gateway.authentication import require_token
from tensorfleet.gateway.health_checks import HealthChecks
from tensorfleet.gateway.http_metrics import HttpMetrics
from tensorfleet.gateway.login import Logins
from tensorfleet.gateway.problems import EXCEPTION_HANDLERS
from tensorfleet.gateway.request_context import RequestContext
from tensorfleet.gateway.results.job_answers import JobAnswers
from tensorfleet.gateway.routes import (
    auth,
    datasets,
    definitions,
    docs,
    events,
    forms,
    job_changes,
    jobs,
    models,
    operations,
    results,
    sockets,
    uploads,
    workers,
)
from tensorfleet.gateway.stopped_requests import StoppedRequests
from tensorfleet.gateway.upstreams import Upstreams

COMPRESS_FROM_BYTES = 1024
GZIP_LEVEL = 5

ROUTES: list[ControllerRouterHandler] = [
    auth.log_in,
    jobs.create_job,
    jobs.list_jobs,
    jobs.get_job,
    jobs.cancel_job,
    job_changes.update_job,
    job_changes.pause_job,
    job_changes.resume_job,
    job_changes.retry_job,
    job_changes.explain_job,
    jobs.list_tasks,
    jobs.list_checkpoints,
    results.get_results,
    results.list_plots,
    results.get_plot,
    events.follow_events,
    sockets.follow_jobs,
    sockets.explain_socket,
    uploads.begin_upload,
    uploads.finish_upload,
    uploads.abort_upload,
    uploads.get_artifact,
    datasets.create_dataset_version,
    datasets.list_datasets,
    datasets.get_dataset,
    models.list_models,
    models.get_model,
    models.list_model_versions,
    models.predict,
    workers.list_workers,
    workers.get_worker,
    workers.get_worker_usage,
    workers.drain_worker,
    workers.resume_worker,
    operations.health,
    operations.live,
    operations.metrics,
    docs.to_docs,
    docs.openapi_document,
]


class _Application(Litestar):
    """Litestar without its plugins for pydantic and attrs: our shapes are msgspec's.

    Where pydantic is installed, they load it, which costs 10 MiB and a fifth of a second.
    """

    @staticmethod
    def _get_default_plugins(plugins: list[PluginProtocol]) -> list[PluginProtocol]:
        return [*plugins, MsgspecDIPlugin()]


def build_web(
    *,
    upstreams: Upstreams,
    logins: Logins,
    checks: HealthChecks,
    streaming: events.EventStreaming,
    answers: JobAnswers,
    metrics: HttpMetrics,
    registry: CollectorRegistry,
    max_body_bytes: int,
    allowed_origins: list[str],
) -> ASGIApp:
    """The ASGI application."""
    app = _Application(
        [
            *ROUTES,
            *definitions.definition_routes(),
            *forms.form_routes(),
            docs.assets_router(),
        ],
        dependencies={
            "upstreams": _given(upstreams),
            "logins": _given(logins),
            "checks": _given(checks),
            "streaming": _given(streaming),
            "answers": _given(answers),
            "registry": _given(registry),
        },
        middleware=[require_token(logins.tokens)],
        exception_handlers=EXCEPTION_HANDLERS,
        request_max_body_size=max_body_bytes,
        compression_config=CompressionConfig(
            backend="gzip",
            minimum_size=COMPRESS_FROM_BYTES,
            gzip_compress_level=GZIP_LEVEL,
            exclude_opt_key="uncompressed",
        ),
        cors_config=CORSConfig(allow_origins=allowed_origins) if allowed_origins else None,
        openapi_config=docs.openapi_config(__version__, definitions.definition_tags()),
        logging_config=None,
    )
    return RequestContext(StoppedRequests(app), metrics)


def _given(value: object) -> Provide:
    return Provide(lambda: value, use_cache=True, sync_to_thread=False)
