"""Machines and points as tests think them up."""

from collections.abc import Sequence
from typing import Any

from tensorfleet.kinds.loadtest.arrivals import Constant
from tensorfleet.kinds.loadtest.record import Counts, Point, ProcessSample, Sample, Watched

GIBIBYTE = 1024**3


def idle_sample(at: float, **changes: Any) -> Sample:
    """A machine with two cores and nothing to do."""
    fields: dict[str, Any] = {
        "cpu_user": 0.1,
        "cpu_system": 0.05,
        "cpu_idle": 0.85,
        "cpu_iowait": 0.0,
        "cpu_steal": 0.0,
        "cores": (0.1, 0.2),
        "memory_used_bytes": GIBIBYTE,
        "memory_total_bytes": 4 * GIBIBYTE,
        "swap_used_bytes": 0,
        "disk_busy": 0.05,
        "network_busy": 0.02,
        "load_average": 0.5,
    }
    return Sample(at=at, **(fields | changes))


def busy_cpu(share: float) -> dict[str, Any]:
    """For `idle_sample`."""
    return {
        "cpu_user": share,
        "cpu_system": 0.0,
        "cpu_idle": 1.0 - share,
        "cores": (share, share),
    }


def process(name: str, *, busiest: float, count: int = 1) -> ProcessSample:
    """One of a sample's processes."""
    return ProcessSample(
        name=name,
        count=count,
        cpu_share=busiest * count,
        memory_bytes=1000,
        busiest_share=busiest,
    )


def machine(
    changes: Sequence[dict[str, Any]],
    *,
    alias: str = "db",
    source: str = "ssh",
    first: float = 1.0,
    interval_seconds: float = 1.0,
) -> Watched:
    """One sample for each of the changes to an idle machine."""
    return Watched(
        alias=alias,
        source=source,
        interval_seconds=interval_seconds,
        core_count=2,
        samples=tuple(
            idle_sample(first + number * interval_seconds, **change)
            for number, change in enumerate(changes)
        ),
    )


def point(label: str, start: float, duration: float) -> Point:
    """A point that ran."""
    return Point(
        label=label,
        arrivals=Constant(rate=1.0, duration_seconds=duration),
        start_seconds=start,
        duration_seconds=duration,
        counts=Counts(),
        response="",
        service="",
    )
