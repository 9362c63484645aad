"""The contract for people and tools: OpenAPI, and Swagger UI from files of our own."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import litestar_offline_docs
import msgspec
from litestar import Request, Response, Router, get
from litestar.datastructures import CacheControlHeader
from litestar.handlers import BaseRouteHandler
from litestar.openapi.config import OpenAPIConfig
from litestar.openapi.plugins import SwaggerRenderPlugin
from litestar.openapi.spec import Components, SecurityScheme, Tag
from litestar.response import Redirect
from litestar.routes import BaseRoute
from litestar.static_files import create_static_files_router
from litestar.types import ControllerRouterHandler

from tensorfleet.gateway.authentication import PUBLIC
from tensorfleet.gateway.request_context import DOCS_PATH

ASSETS_PATH = f"{DOCS_PATH}/assets"

_ASSETS_FOLDER = Path(litestar_offline_docs.__file__).parent / "static"
_ASSETS_MAX_AGE_SECONDS = 24 * 3600
_NO_ICON = "<link rel='icon' href='data:,'>"

_DESCRIPTION = """\
One fleet for machine-learning work: jobs, data, models, predictions.

Get a token at `POST /api/v1/auth/login` and send it as `Authorization: Bearer <token>`. Errors are
problems as of RFC 9457 with a stable `code`. Lists come in pages: pass `next_page_token` back as
`page_token`. Numbers that JSON cannot write are the texts "NaN", "Infinity" and "-Infinity".
"""

_TAGS = {
    "auth": "Logging in",
    "jobs": "Work, its tasks, events and checkpoints",
    "artifacts": "Bytes in and out",
    "datasets": "Data with versions",
    "models": "Registered models and their predictions",
    "workers": "Machines that run tasks",
    "operations": "Health and metrics",
}


class _PageOnly(Router):
    """Takes the page, but not Litestar's second copy of the document and its own page for 404."""

    def register(self, value: ControllerRouterHandler) -> list[BaseRoute]:
        if isinstance(value, BaseRouteHandler) and "/" in value.paths:
            return super().register(value)
        return []


def openapi_config(version: str, more_tags: Mapping[str, str]) -> OpenAPIConfig:
    """The contract's head, and where its page is.

    Args:
        more_tags: Of routes that only some installations have, with what they are for.
    """
    tags = {**_TAGS, **more_tags}
    return OpenAPIConfig(
        title="TensorFleet",
        version=version,
        description=_DESCRIPTION,
        tags=[Tag(name=name, description=text) for name, text in tags.items()],
        components=Components(
            security_schemes={
                "bearer": SecurityScheme(type="http", scheme="bearer", bearer_format="JWT")
            }
        ),
        security=[{"bearer": []}],
        use_handler_docstrings=True,
        operation_id_creator=lambda handler, _method, _path: handler.handler_name,
        openapi_router=_PageOnly(DOCS_PATH, route_handlers=[], include_in_schema=False, opt=PUBLIC),
        render_plugins=[
            SwaggerRenderPlugin(
                path="/",
                js_url=f"{ASSETS_PATH}/swagger-ui-bundle.js",
                css_url=f"{ASSETS_PATH}/swagger-ui.css",
                standalone_preset_js_url=f"{ASSETS_PATH}/swagger-ui-standalone-preset.js",
                favicon=_NO_ICON,
            )
        ],
    )


def assets_router() -> Router:
    """Swagger UI's files."""
    return create_static_files_router(
        ASSETS_PATH,
        directories=[_ASSETS_FOLDER],
        include_in_schema=False,
        cache_control=CacheControlHeader(max_age=_ASSETS_MAX_AGE_SECONDS, public=True),
        opt={**PUBLIC, "uncompressed": True},
    )


@get("/", include_in_schema=False, opt=PUBLIC)
async def to_docs() -> Redirect:
    """Sends people who open the gateway in a browser to its documentation."""
    return Redirect(DOCS_PATH)


@get("/openapi.json", include_in_schema=False, opt=PUBLIC)
async def openapi_document(request: Request[Any, Any, Any]) -> Response[bytes]:
    """The OpenAPI 3.1 document."""
    document = msgspec.json.encode(request.app.openapi_schema.to_schema())
    return Response(document, media_type="application/vnd.oai.openapi+json;version=3.1")
