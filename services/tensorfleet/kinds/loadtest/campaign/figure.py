"""What was measured of a point, by the names that objectives use."""

from tensorfleet.kinds.loadtest.campaign.objective import Condition, Objective, percent_of
from tensorfleet.kinds.loadtest.histogram import Histogram
from tensorfleet.kinds.loadtest.record import Counts, Point


def measure(point: Point, figure: str) -> float | None:
    """A figure of a point: seconds, a share, or per second; None where nothing was measured."""
    if figure == "errors":
        return error_share(point.counts)
    if figure == "rate":
        return answered_rate(point)
    source, _, name = figure.rpartition("_")
    text = {"": point.response, "service": point.service, "server": point.server}.get(source)
    return time_figure(Histogram.decode(text), name) if text else None


def error_share(counts: Counts) -> float | None:
    """Of the arrivals that came to an end, how many failed; None when none did."""
    ended = counts.answered + counts.failed
    return counts.failed / ended if ended else None


def answered_rate(point: Point) -> float | None:
    """Good answers a second, from the first intended time to the last answer."""
    if point.duration_seconds <= 0:
        return None
    return point.counts.answered / point.duration_seconds


def broken_conditions(objective: Objective, point: Point) -> tuple[Condition, ...]:
    """Those that the point did not keep."""
    return tuple(
        condition
        for condition in objective.conditions
        if not condition.allows(measure(point, condition.figure))
    )


def time_figure(histogram: Histogram, name: str) -> float | None:
    """A percentile, "mean", "min" or "max" in seconds; None without values, or of another name."""
    match name:
        case "mean":
            return histogram.mean
        case "min":
            return histogram.minimum
        case "max":
            return histogram.maximum
    percent = percent_of(name)
    return None if percent is None else histogram.percentile(percent)
