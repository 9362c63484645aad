"""What the gateway counts of HTTP requests."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram


class HttpMetrics:
    """Requests by route template, never by path: paths carry ids."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._requests = Counter(
            "tensorfleet_gateway_http_requests_total",
            "HTTP requests by method, route and status",
            ["method", "route", "status"],
            registry=registry,
        )
        self._seconds = Histogram(
            "tensorfleet_gateway_http_request_duration_seconds",
            "Time from an HTTP request to the beginning of its answer, by method and route",
            ["method", "route"],
            registry=registry,
        )
        self.event_streams = Gauge(
            "tensorfleet_gateway_event_streams_open",
            "Event streams that are open now",
            registry=registry,
        )

    def count(self, method: str, route: str, status: int, seconds: float) -> None:
        """Records a request whose answer has begun."""
        self._requests.labels(method, route, str(status)).inc()
        self._seconds.labels(method, route).observe(seconds)
