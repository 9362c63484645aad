"""What people and tools see over HTTP: the status page, the same as JSON, and metrics."""

import msgspec
from flask import Flask, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

from tensorfleet.monitoring import page
from tensorfleet.monitoring.board import HealthBoard
from tensorfleet.monitoring.convert import to_json_object
from tensorfleet.monitoring.health import Status


def build_web(board: HealthBoard, registry: CollectorRegistry) -> Flask:
    """The WSGI application."""
    web = Flask("tensorfleet.monitoring", static_folder=None, template_folder=None)
    template = web.jinja_env.from_string(page.TEMPLATE)

    @web.get("/")
    def show() -> Response:
        """The status page."""
        html = template.render(
            health=to_json_object(board.newest),
            style=page.STYLE,
            refresh_seconds=page.REFRESH_SECONDS,
        )
        return Response(html, mimetype="text/html")

    @web.get("/health")
    def health() -> Response:
        """Health of the fleet: 503 when a part is down, or nothing was looked at yet."""
        snapshot = board.newest
        is_up = snapshot is not None and snapshot.status in (Status.HEALTHY, Status.DEGRADED)
        return Response(
            msgspec.json.encode(to_json_object(snapshot)),
            status=200 if is_up else 503,
            mimetype="application/json",
        )

    @web.get("/health/live")
    def live() -> Response:
        """Whether this process answers, whatever the state of the fleet."""
        return Response(b'{"status":"alive"}', mimetype="application/json")

    @web.get("/metrics")
    def metrics() -> Response:
        """Prometheus metrics."""
        return Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)

    @web.after_request
    def protect(response: Response) -> Response:
        """Adds what keeps browsers careful."""
        response.headers["Content-Security-Policy"] = page.CONTENT_SECURITY_POLICY
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["X-Frame-Options"] = "DENY"
        response.headers["Referrer-Policy"] = "no-referrer"
        response.headers["Cache-Control"] = "no-store"
        return response

    return web
