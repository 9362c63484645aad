"""The newest look as Prometheus metrics."""

from collections.abc import Iterator

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from tensorfleet.monitoring.board import HealthBoard
from tensorfleet.monitoring.health import Status

_WORKER_STATES = ("online", "draining", "offline")


class HealthCollector(Collector):
    """Reads the board whenever somebody scrapes."""

    def __init__(self, board: HealthBoard) -> None:
        self._board = board

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """See Collector."""
        snapshot = self._board.newest
        healthy = GaugeMetricFamily(
            "tensorfleet_monitoring_component_healthy",
            "1 when the component works, 0 when it is degraded or down",
            labels=["component"],
        )
        latency = GaugeMetricFamily(
            "tensorfleet_monitoring_check_duration_seconds",
            "How long the newest check of the component took",
            labels=["component"],
        )
        workers = GaugeMetricFamily(
            "tensorfleet_monitoring_workers_count", "Workers by state", labels=["state"]
        )
        if snapshot is not None:
            for part in snapshot.components:
                healthy.add_metric([part.name], float(part.status is Status.HEALTHY))
                latency.add_metric([part.name], part.latency.total_seconds())
            for state in _WORKER_STATES:
                count = sum(worker.state == state for worker in snapshot.workers)
                workers.add_metric([state], count)
        yield from (healthy, latency, workers)
