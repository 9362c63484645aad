"""Prometheus metrics: the HTTP endpoint of a process, and what every gRPC server counts."""

from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import (
    GC_COLLECTOR,
    PLATFORM_COLLECTOR,
    PROCESS_COLLECTOR,
    CollectorRegistry,
    Counter,
    Histogram,
    start_http_server,
)

from tensorfleet.shared.addresses import split_address


def new_registry() -> CollectorRegistry:
    """A registry with the process's own metrics."""
    registry = CollectorRegistry()
    for collector in (PROCESS_COLLECTOR, PLATFORM_COLLECTOR, GC_COLLECTOR):
        registry.register(collector)
    return registry


@contextmanager
def metrics_served(listen: str, registry: CollectorRegistry) -> Iterator[int]:
    """Serves `/metrics` on `host:port` from a thread; yields the port. Empty: not at all."""
    if not listen:
        yield 0
        return
    host, port = split_address(listen)
    server, thread = start_http_server(port, addr=host, registry=registry)
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class RpcMetrics:
    """Counts and times the requests of a gRPC server."""

    def __init__(self, registry: CollectorRegistry, service: str) -> None:
        self._requests = Counter(
            f"tensorfleet_{service}_rpc_requests_total",
            "gRPC requests by method and status",
            ["method", "status"],
            registry=registry,
        )
        self._seconds = Histogram(
            f"tensorfleet_{service}_rpc_duration_seconds",
            "Time of unary gRPC requests by method",
            ["method"],
            registry=registry,
        )

    def count(self, method: str, status: str, seconds: float | None) -> None:
        """Records a finished request; streams have no meaningful duration and give None."""
        self._requests.labels(method, status).inc()
        if seconds is not None:
            self._seconds.labels(method).observe(seconds)
