"""For those who run the fleet: health and metrics."""

from litestar import MediaType, Response, get
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import SkipValidation
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

from tensorfleet.gateway.authentication import PUBLIC
from tensorfleet.gateway.health_checks import HealthChecks
from tensorfleet.shared.rest.health import Alive, FleetHealth

# Litestar adds the character set by itself.
_MEDIA_TYPE = CONTENT_TYPE_LATEST.replace("; charset=utf-8", "")


@get(
    "/health",
    tags=["operations"],
    summary="Health of the fleet",
    opt=PUBLIC,
    security=[{}],
    responses={
        503: ResponseSpec(FleetHealth, generate_examples=False, description="Something is down")
    },
)
async def health(checks: NamedDependency[SkipValidation[HealthChecks]]) -> Response[FleetHealth]:
    """Health of everything that the fleet needs; 503 when it cannot do its work."""
    found = await checks.look()
    return Response(found, status_code=503 if found.status == "down" else 200)


@get(
    "/health/live",
    tags=["operations"],
    summary="Whether this process lives",
    opt=PUBLIC,
    security=[{}],
)
async def live() -> Alive:
    """Looks at nothing else, so that who watches the gateway is not watched in return."""
    return Alive()


@get(
    "/metrics",
    tags=["operations"],
    summary="Prometheus metrics",
    media_type=MediaType.TEXT,
    opt=PUBLIC,
    security=[{}],
)
async def metrics(registry: NamedDependency[SkipValidation[CollectorRegistry]]) -> Response[bytes]:
    """The gateway's own metrics, in Prometheus' text format."""
    return Response(generate_latest(registry), media_type=_MEDIA_TYPE)
