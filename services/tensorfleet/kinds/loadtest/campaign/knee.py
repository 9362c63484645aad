"""Where response times begin to grow faster than the load.

By Kleinrock's power (L. Kleinrock 1979, "Power and deterministic rules of thumb for probabilistic
problems in computer communications"): throughput over response time is highest where one more
percent of load costs one more percent of response time. On a graph of the response time against the
load that is where a line from the origin touches the curve. Unlike the largest distance from a
chord (Kneedle; Satopää et al. 2011) it does not depend on how far beyond the knee was measured,
which in a search is chance.
"""

from collections.abc import Iterable

from tensorfleet.kinds.loadtest.record import Knee

_LEAST_VALUES = 4
_FALL = 0.8
"""Beyond a knee the power falls to this share of its highest, at least."""


def find_knee(measured: Iterable[tuple[float, float]]) -> Knee | None:
    """The knee of pairs of a load (or an answered rate) and a response time in seconds.

    None when there is none: response times grew slower than the load throughout, or faster from the
    first one on, or fewer than four loads were measured. Of equal loads the middle one counts.
    """
    by_load: dict[float, list[float]] = {}
    for load, seconds in measured:
        if load > 0 and seconds > 0:
            by_load.setdefault(load, []).append(seconds)
    curve = [(load, sorted(times)[len(times) // 2]) for load, times in sorted(by_load.items())]
    if len(curve) < _LEAST_VALUES:
        return None
    powers = [load / seconds for load, seconds in curve]
    highest = max(powers)
    place = powers.index(highest)
    if place == 0 or not any(power <= _FALL * highest for power in powers[place + 1 :]):
        return None
    return Knee(value=curve[place][0], response_seconds=curve[place][1])
