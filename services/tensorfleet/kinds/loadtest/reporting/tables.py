"""A document as tables: flat rows, the same columns in every row of a table."""

from typing import Any

from tensorfleet.kinds.loadtest.histogram import Histogram
from tensorfleet.kinds.loadtest.record import Counts, Document, Point, Sample, Watched
from tensorfleet.kinds.loadtest.reporting.arrival_text import arrivals_text
from tensorfleet.kinds.loadtest.reporting.point_figures import PointFigures, Spread

Row = dict[str, Any]


def point_rows(document: Document) -> list[Row]:
    """One row for each point, in order; times in seconds, rates per second, shares from 0 to 1."""
    return [_point_row(PointFigures(point)) for point in document.points]


def second_rows(document: Document) -> list[Row]:
    """One row for each second (of long runs, each interval) of each point."""
    return [
        {
            "point": number,
            "label": point.label,
            "phase": point.phase,
            "at_seconds": point.start_seconds + second.start,
            "start_seconds": second.start,
            "interval_seconds": second.seconds,
            **_counts(second.counts),
            **_spread("response", Spread.of(Histogram.decode(second.response))),
            **_spread("service", Spread.of(Histogram.decode(second.service))),
        }
        for number, point in enumerate(document.points)
        for second in point.seconds
    ]


def step_rows(document: Document) -> list[Row]:
    """One row for each step of each point's case."""
    return [
        {
            "point": number,
            "label": point.label,
            "phase": point.phase,
            "step": step.name,
            "answered": step.answered,
            "failed": step.failed,
            "errors": _named(step.errors),
            **_spread("service", Spread.of(Histogram.decode(step.service))),
        }
        for number, point in enumerate(document.points)
        for step in point.steps
    ]


def monitor_rows(document: Document) -> list[Row]:
    """One row for each sample of each watched machine; shares are of the whole machine."""
    return [
        {**_machine(watched), **_sample_row(sample)}
        for watched in document.watched
        for sample in watched.samples
    ]


def process_rows(document: Document) -> list[Row]:
    """One row for each sample of each chosen process."""
    return [
        {
            **_machine(watched),
            "at_seconds": sample.at,
            "process": process.name,
            "count": process.count,
            "cpu_cores": process.cpu_share,
            "memory_bytes": process.memory_bytes,
        }
        for watched in document.watched
        for sample in watched.samples
        for process in sample.processes
    ]


def cpu_share(sample: Sample) -> float | None:
    """How busy a machine was: what was not idle, nor waiting for disks."""
    if sample.cpu_idle is not None:
        return max(0.0, 1.0 - sample.cpu_idle - (sample.cpu_iowait or 0.0))
    if sample.cpu_user is None and sample.cpu_system is None:
        return None
    return (sample.cpu_user or 0.0) + (sample.cpu_system or 0.0) + (sample.cpu_steal or 0.0)


def _point_row(figures: PointFigures) -> Row:
    point: Point = figures.point
    return {
        "label": point.label,
        "phase": point.phase,
        "verdict": figures.verdict,
        "reasons": " ".join(reason.code for reason in point.reasons),
        "load": point.load,
        "rate_asked": figures.asked_rate,
        "rate_sent": figures.sent_rate,
        "rate_answered": figures.answered_rate,
        "error_share": figures.error_share,
        "start_seconds": point.start_seconds,
        "duration_seconds": point.duration_seconds,
        "arrivals": arrivals_text(point.arrivals),
        **_counts(point.counts),
        "open": figures.open_count,
        "statuses": _named(point.counts.statuses),
        "sent_bytes": point.counts.sent_bytes,
        "received_bytes": point.counts.received_bytes,
        **_spread("response", figures.response),
        **_spread("service", figures.service),
        **_spread("server", figures.server),
        **_spread("lateness", figures.lateness),
    }


def _counts(counts: Counts) -> Row:
    return {
        "scheduled": counts.scheduled,
        "sent": counts.sent,
        "late": counts.late,
        "held": counts.held,
        "answered": counts.answered,
        "failed": counts.failed,
        "errors": _named(counts.errors),
    }


def _named(counts: dict[str, int]) -> str:
    """Counts by name as one value, the most frequent first: "TIMEOUT=12 STATUS=3"."""
    return " ".join(f"{name}={counts[name]}" for name in sorted(counts, key=lambda n: -counts[n]))


def _spread(name: str, spread: Spread) -> Row:
    return {f"{name}_{figure}_seconds": value for figure, value in spread.figures().items()}


def _machine(watched: Watched) -> Row:
    return {"alias": watched.alias, "source": watched.source, "host": watched.host}


def _sample_row(sample: Sample) -> Row:
    return {
        "at_seconds": sample.at,
        "cpu": cpu_share(sample),
        "cpu_user": sample.cpu_user,
        "cpu_system": sample.cpu_system,
        "cpu_idle": sample.cpu_idle,
        "cpu_iowait": sample.cpu_iowait,
        "cpu_steal": sample.cpu_steal,
        "busiest_core": max(sample.cores, default=None),
        "cores": " ".join(f"{share:.3f}" for share in sample.cores),
        "memory_used_bytes": sample.memory_used_bytes,
        "memory_total_bytes": sample.memory_total_bytes,
        "swap_used_bytes": sample.swap_used_bytes,
        "disk_read_bytes_per_second": sample.disk_read_bytes_per_second,
        "disk_write_bytes_per_second": sample.disk_write_bytes_per_second,
        "disk_busy": sample.disk_busy,
        "network_received_bytes_per_second": sample.network_received_bytes_per_second,
        "network_sent_bytes_per_second": sample.network_sent_bytes_per_second,
        "load_average": sample.load_average,
        "ping_seconds": sample.ping_seconds,
    }
