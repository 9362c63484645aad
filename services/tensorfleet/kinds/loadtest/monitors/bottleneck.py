"""Which resource of the watched machines was used up first."""

from collections.abc import Sequence

from tensorfleet.kinds.loadtest.monitors.exhaustion import (
    INTERVALS,
    Streak,
    exhaustions,
    stolen_share,
)
from tensorfleet.kinds.loadtest.record import Bottleneck, Breaking, Point, Sample, Watched

# Of resources that were used up at about the same time, one explains the next: a machine that swaps
# keeps its disks busy, one without CPU to spare has a long queue.
_CAUSE_FIRST = ("memory", "cpu", "core", "disk", "network", "load")
STEAL_WARNING = 0.05


def find_bottleneck(
    points: Sequence[Point], watched: Sequence[Watched], objective: str | None = None
) -> Bottleneck:
    """Which resource was used up first while a point ran.

    A resource counts as used up when it was beyond its limit (see `exhaustion`) for at least three
    samples in a row. What began within three intervals of the earliest counts as begun together
    with it; then the likelier cause is the first.

    Args:
        objective: The one that was broken, for the sentence ("p99<200ms", "p99<200ms at 400/s");
            None: none was.
    """
    found: list[tuple[Breaking, float]] = []
    for machine in watched:
        for resource in exhaustions(machine):
            streak = _first_streak(resource.streaks, points)
            if streak is not None:
                breaking = _breaking(machine, resource.name, streak, points)
                found.append((breaking, machine.interval_seconds))
    found.sort(key=lambda pair: (pair[0].at, _CAUSE_FIRST.index(pair[0].resource)))
    breakings = tuple(breaking for breaking, _ in found)
    first = _first(found)
    return Bottleneck(
        first=first,
        all=breakings,
        message=first.message if first else _nothing_message(points, watched, objective),
        warnings=tuple(_warnings(points, watched)),
    )


def _first(found: Sequence[tuple[Breaking, float]]) -> Breaking | None:
    if not found:
        return None
    earliest = found[0][0].at
    together = [
        breaking for breaking, interval in found if breaking.at <= earliest + INTERVALS * interval
    ]
    return min(together, key=lambda b: (_CAUSE_FIRST.index(b.resource), b.at))


def _first_streak(streaks: Sequence[Streak], points: Sequence[Point]) -> Streak | None:
    """The earliest one, as far as it lies in a point, that is long enough there."""
    for streak in streaks:
        for point in points:
            inside = streak.within(point.start_seconds, _end(point))
            if inside is not None and len(inside.values) >= INTERVALS:
                return inside
    return None


def _breaking(machine: Watched, resource: str, streak: Streak, points: Sequence[Point]) -> Breaking:
    point = _point_at(streak.middle_of_first, points)
    at = max(streak.start, point.start_seconds) if point else streak.start
    return Breaking(
        alias=machine.alias,
        resource=resource,
        at=at,
        value=streak.mean,
        limit=streak.limit,
        point=point.label if point else "",
        message=(
            f"{streak.subject} of `{machine.alias}` {streak.told} from {at:.1f} s on"
            + (f", at {point.label}" if point else "")
            + (", the generator's own use included" if machine.source == "local" else "")
        ),
    )


def _nothing_message(
    points: Sequence[Point], watched: Sequence[Watched], objective: str | None
) -> str:
    seen = [
        sample
        for machine in watched
        for sample in machine.samples
        if _point_at(sample.at, points) is not None
    ]
    if not seen:
        told = "No machine was watched while the load ran, so nothing is known of its resources"
        return f"{objective} was broken. {told}." if objective else f"{told}."
    most = _most_used(seen)
    if not objective:
        return f"Nothing that was watched was used up{most}."
    return (
        f"{objective} was broken, yet nothing that was watched was used up{most}. Look for what "
        "requests wait for: locks, pools of connections or threads, other services."
    )


def _most_used(samples: Sequence[Sample]) -> str:
    shares = {
        "cpu": [
            1.0 - s.cpu_idle - (s.cpu_iowait or 0.0) for s in samples if s.cpu_idle is not None
        ],
        "memory": [
            s.memory_used_bytes / s.memory_total_bytes
            for s in samples
            if s.memory_used_bytes is not None and s.memory_total_bytes
        ],
        "disk": [s.disk_busy for s in samples if s.disk_busy is not None],
        "network": [s.network_busy for s in samples if s.network_busy is not None],
    }
    told = [f"{name} {max(values):.0%}" for name, values in shares.items() if values]
    return f" (at most {', '.join(told)})" if told else ""


def _warnings(points: Sequence[Point], watched: Sequence[Watched]) -> list[str]:
    warnings: list[str] = []
    for machine in watched:
        inside = [s for s in machine.samples if _point_at(s.at, points) is not None]
        stolen = stolen_share(inside)
        if stolen >= STEAL_WARNING:
            warnings.append(
                f"A hypervisor took {stolen:.0%} of the cpu time of `{machine.alias}` for others "
                "(steal): its figures say less about the service than they seem to."
            )
    return warnings


def _point_at(at: float, points: Sequence[Point]) -> Point | None:
    for point in points:
        if point.start_seconds <= at <= _end(point):
            return point
    return None


def _end(point: Point) -> float:
    return point.start_seconds + point.duration_seconds
