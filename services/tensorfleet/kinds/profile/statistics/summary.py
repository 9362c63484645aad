"""One size in a few figures: its median and how sure it is, its spread."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tensorfleet.kinds.profile.statistics import resampling
from tensorfleet.kinds.profile.statistics.resampling import Floats
from tensorfleet.kinds.profile.statistics.student_t import two_sided_quantile

_RESAMPLES = 1000

# Below this, even the whole range of the medians of n processes holds the true median in fewer
# than 95 of 100 cases: 1 - 2 / 2^n.
_FEWEST_FOR_BOOTSTRAP = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """Of all values of one size, in the unit of the values."""

    median: float
    low: float | None
    """Lower end of the median's confidence interval; None when one process alone was measured."""
    high: float | None
    mean: float
    std: float
    """Of single values, within and between processes; 0 for a single value."""
    minimum: float
    maximum: float
    value_count: int
    process_count: int

    @property
    def relative_half_width(self) -> float | None:
        """Half the interval through the median: 0.01 is "plus or minus one percent"."""
        if self.low is None or self.high is None or self.median <= 0:
            return None
        return (self.high - self.low) / 2.0 / self.median


def summarize(processes: Sequence[Sequence[float]], *, confidence: float = 0.95) -> Summary:
    """Sums up the values of all processes.

    The interval of the median comes from a bootstrap over whole processes (a cluster bootstrap:
    Davison and Hinkley, Bootstrap Methods and their Application, 1997, section 3.8). Two to five
    processes are too few for that; their interval is Student's, of the logarithms of the processes'
    medians, and never narrower than the range of these.

    Raises:
        ValueError: There are no values.
    """
    clusters = [np.asarray(values, dtype=np.float64) for values in processes if len(values)]
    if not clusters:
        raise ValueError("there are no values to sum up")
    values = np.concatenate(clusters)
    low, high = _median_interval(clusters, confidence)
    median = float(np.median(values))
    return Summary(
        median=median,
        low=None if low is None else min(low, median),
        high=None if high is None else max(high, median),
        mean=float(values.mean()),
        std=float(values.std(ddof=1)) if values.size > 1 else 0.0,
        minimum=float(values.min()),
        maximum=float(values.max()),
        value_count=int(values.size),
        process_count=len(clusters),
    )


def process_medians(processes: Sequence[Sequence[float] | Floats]) -> Floats:
    """The median of each process that gave values  # (processes,) float64"""
    return np.array([np.median(values) for values in processes if len(values)], dtype=np.float64)


def process_minima(processes: Sequence[Sequence[float] | Floats]) -> Floats:
    """The least value of each process that gave values  # (processes,) float64

    Of short times it is nearest to what the work itself takes: whatever else a machine does makes a
    call longer and never shorter. See the note on `timeit.Timer.repeat` in Python's documentation,
    and J. Chen, J. Revels, "Robust benchmarking in noisy environments", 2016,
    https://arxiv.org/abs/1608.04295.
    """
    return np.array([np.min(values) for values in processes if len(values)], dtype=np.float64)


def _median_interval(
    clusters: list[Floats], confidence: float
) -> tuple[float | None, float | None]:
    count = len(clusters)
    if count == 1:
        return None, None
    if count < _FEWEST_FOR_BOOTSTRAP:
        return _student_interval(process_medians(clusters), confidence)
    chosen = resampling.choices(_RESAMPLES, count)
    if len({cluster.size for cluster in clusters}) == 1:
        medians = np.median(np.stack(clusters)[chosen].reshape(_RESAMPLES, -1), axis=1)
    else:
        medians = np.array(
            [np.median(np.concatenate([clusters[i] for i in row])) for row in chosen],
            dtype=np.float64,
        )
    return resampling.interval(medians, confidence, count)


def _student_interval(medians: Floats, confidence: float) -> tuple[float, float]:
    # A range of a few processes on the scale of ratios: times cannot be negative.
    is_positive = bool((medians > 0).all())
    scaled = np.log(medians) if is_positive else medians
    count = len(scaled)
    reach = two_sided_quantile(confidence, count - 1) * scaled.std(ddof=1) / math.sqrt(count)
    low = min(float(scaled.mean() - reach), float(scaled.min()))
    high = max(float(scaled.mean() + reach), float(scaled.max()))
    return (math.exp(low), math.exp(min(high, 700.0))) if is_positive else (low, high)
