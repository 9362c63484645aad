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
        # Finding the child of some labels costs as much as counting; there are few of them.
        self._children: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}
        self.event_streams = Gauge(
            "tensorfleet_gateway_event_streams_open",
            "Event streams that are open now",
            registry=registry,
        )

    def count(self, method: str, route: str, status: int, seconds: float) -> None:
        """Records a request whose answer has begun."""
        key = (method, route, status)
        if key not in self._children:
            self._children[key] = (
                self._requests.labels(method, route, str(status)),
                self._seconds.labels(method, route),
            )
        requests, durations = self._children[key]
        requests.inc()
        durations.observe(seconds)
