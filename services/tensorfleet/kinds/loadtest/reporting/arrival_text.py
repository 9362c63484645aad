"""Arrivals in words, and how long they take."""

from tensorfleet.kinds.drawing.quantities import rate_text, seconds_text
from tensorfleet.kinds.loadtest.arrivals import (
    Arrivals,
    Closed,
    Constant,
    Poisson,
    Ramp,
    Replay,
    Spike,
    Staircase,
)


def planned_seconds(arrivals: Arrivals) -> float | None:
    """From the first possible arrival to the last; None where only the recording knows."""
    match arrivals:
        case Constant() | Poisson() | Ramp() | Closed():
            return arrivals.duration_seconds
        case Staircase():
            return arrivals.steps * arrivals.step_seconds
        case Spike():
            return arrivals.before_seconds + arrivals.peak_seconds + arrivals.after_seconds
        case Replay():
            return None


def arrivals_text(arrivals: Arrivals) -> str:
    """Such as "500/s, evenly, for 30 s"."""
    match arrivals:
        case Constant():
            return f"{rate_text(arrivals.rate)}, evenly, for {_seconds(arrivals)}"
        case Poisson():
            return f"{rate_text(arrivals.rate)}, at random (Poisson), for {_seconds(arrivals)}"
        case Ramp():
            ends = f"{rate_text(arrivals.from_rate)} to {rate_text(arrivals.to_rate)}"
            return f"from {ends} within {_seconds(arrivals)}"
        case Staircase():
            return (
                f"{arrivals.steps} steps of {seconds_text(arrivals.step_seconds)} from "
                f"{rate_text(arrivals.from_rate)}, by {arrivals.step_rate:+g}/s each"
            )
        case Spike():
            return (
                f"{rate_text(arrivals.base_rate)} for {_seconds(arrivals)}, with a peak of "
                f"{rate_text(arrivals.peak_rate)} for {seconds_text(arrivals.peak_seconds)}"
            )
        case Replay():
            speed = "" if arrivals.speed == 1 else f" at {arrivals.speed:g} times its speed"
            return f"as recorded in {arrivals.file}{speed}"
        case Closed():
            return f"{arrivals.users} users in a closed loop for {_seconds(arrivals)}"


def _seconds(arrivals: Arrivals) -> str:
    return seconds_text(planned_seconds(arrivals) or 0.0)
