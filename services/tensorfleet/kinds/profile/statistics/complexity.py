"""How figures grow with the size of the input, or why that cannot be told."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from tensorfleet.kinds.profile.statistics import evidence, growth, resampling
from tensorfleet.kinds.profile.statistics.evidence import Candidates, Doubt
from tensorfleet.kinds.profile.statistics.figures import Figures, collect
from tensorfleet.kinds.profile.statistics.growth import CONSTANT, EXPONENTIAL, Fit
from tensorfleet.kinds.profile.statistics.resampling import Floats
from tensorfleet.kinds.profile.statistics.sizes_to_add import further_sizes, further_steps

# A class is a claim about large inputs: of the sizes, this part may be left out, the smallest.
_MOST_LEFT_OUT = 0.5
# Where a cache step begins, linear work looks like n log n: those two, and log n, take all sizes.
_TOLD_FROM_THE_LARGER = frozenset({"n²", "n³"})
# Of the figures; where it is less, more processes would not help.
_CLEAR_NOISE = 0.02
_FEWEST_AFTER_LEAVING_OUT = 5
_RATIO_AFTER_LEAVING_OUT = 16.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A number with the ends of its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassFit:
    """One class's curve a + b·f(n) through the figures."""

    name: str
    error: float
    """Relative deviation of the figures, root mean square."""
    held_out_error: float
    """The same of the largest quarter of sizes, predicted from the others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Complexity:
    """What figures over sizes say about their growth."""

    name: str | None
    """The class, one of `growth.NAMES`; None: cannot tell."""
    nearest: str | None
    """The class with the least deviation, claimed or not; None with too few sizes."""
    confidence: float
    """The share of resamples in which the nearest class beats every other curve."""
    constant: Estimate | None = None
    """a, in the unit of the figures. Of the nearest class, as the coefficient and the base."""
    coefficient: Estimate | None = None
    """b; logarithms are to base 2."""
    base: Estimate | None = None
    """Of an exponential."""
    exponent: Estimate | None = None
    """The figures of the upper half of sizes grow as n to this power, whatever the class."""
    fits: tuple[ClassFit, ...] = ()
    from_size: int = 0
    """Smaller sizes were left out of the fits: there, other parts of the work prevail."""
    advice: str = ""
    """What to do when the class cannot be told, else empty."""
    suggested_sizes: tuple[int, ...] = ()
    needs_processes: bool = False
    """Whether more processes would help: the figures are uncertain."""
    curves: Floats = field(default_factory=lambda: np.zeros((0, 3)), repr=False, compare=False)
    """Of the nearest class: a, logarithm of b, and base of each resample, for a band."""

    def band(self, sizes: Sequence[float]) -> tuple[Floats, Floats, Floats] | None:
        """The fitted curve at these sizes, and the ends of its 95 % band; None without a class."""
        if self.name is None or not len(self.curves):
            return None
        at = np.maximum(np.asarray(sizes, dtype=np.float64), 2.0)
        rows = np.stack(
            [
                a + np.exp(np.minimum(log_b + growth.log_curve(self.name, at, base), 700.0))
                for a, log_b, base in self.curves
            ]
        )
        low, high = np.quantile(rows[1:], [0.025, 0.975], axis=0)
        return rows[0], np.minimum(low, rows[0]), np.maximum(high, rows[0])


def fit(
    points: Sequence[tuple[int, Sequence[float]]],
    *,
    is_least: bool = False,
    tolerance: float = 0.0,
    limit: float = math.inf,
    max_size: int = 0,
) -> Complexity:
    """Finds the complexity class, and claims it only when the figures rule out every other.

    Each class is the curve a + b·f(n), a and b at least 0, fitted by least squares of relative
    deviations. A class is claimed when its curve fits within noise and a few percent, predicts the
    largest quarter of sizes from the others, every other class is clearly worse in both, no curve
    between the classes (such as n log² n, which is never claimed) is clearly better, and the class
    wins in 95 % of resamples of the processes.

    Args:
        points: Sizes, each with one figure a process, such as the median of its seconds; figures
            at the same place belong to the same process.
        is_least: Whether the least figure of a size counts, instead of the median: of the least
            times of processes (`summary.process_minima`).
        tolerance: Differences below it mean nothing: of memory, a few pages.
        limit: Of the figure; sizes that would exceed it are not suggested.
        max_size: Larger ones are not suggested; 0 means that there is no such limit.
    """
    figures = collect(points, tolerance, is_least=is_least)
    if len(figures.sizes) < evidence.FEWEST_SIZES:
        doubt = Doubt(
            f"{len(figures.sizes)} sizes are too few; at least {evidence.FEWEST_SIZES} are needed, "
            "better 8"
        )
        return _untold(figures, None, doubt, 0.0, limit, max_size)
    told = _constant(figures, tolerance, limit, max_size)
    return told if told is not None else _growing(_above_tolerance(figures), limit, max_size)


def _constant(figures: Figures, tolerance: float, limit: float, max_size: int) -> Complexity | None:
    """What to say about figures that hardly grow; None when they do grow."""
    largest = float(figures.sizes[-1])
    if tolerance > 0 and float(figures.typical.max()) <= 2 * tolerance:
        # Something of one byte for each element would be this large.
        if largest >= 2 * tolerance:
            return _claim_constant(figures, 1.0)
        unseen = Doubt(
            f"all figures are below what can be seen, {2 * tolerance:,.0f}, and so would be one "
            "unit for each element"
        )
        beyond = _next_power_of_two(2 * tolerance)
        sizes = (beyond, 2 * beyond) if not max_size or 2 * beyond <= max_size else ()
        return _untold(figures, CONSTANT, unseen, 0.0, limit, max_size, sizes)
    rise = float(figures.typical[-2:].mean() / max(figures.typical[:2].mean(), figures.tolerance))
    if not 0.8 < rise < 1.25:
        return None
    share, doubt = evidence.constant_doubt(figures)
    if doubt is None:
        return _claim_constant(figures, share)
    return _untold(figures, CONSTANT, doubt, share, limit, max_size)


def _above_tolerance(figures: Figures) -> Figures:
    """Without the smallest sizes, whose figures the tolerance blurs, where enough others remain."""
    is_clear = figures.typical >= 8 * figures.tolerance
    start = int(np.argmax(is_clear)) if is_clear.any() else 0
    is_enough = len(figures.sizes) - start >= evidence.FEWEST_SIZES
    return figures.from_size(start) if is_enough else figures


def _growing(figures: Figures, limit: float, max_size: int) -> Complexity:
    fall = _largest_fall(figures)
    if fall is not None:
        return _untold(figures, None, fall, 0.0, limit, max_size)
    for start in _starts(figures):
        upper = figures.from_size(start)
        candidates = evidence.try_curves(upper)
        name = candidates.nearest
        if start and name not in _TOLD_FROM_THE_LARGER:
            continue
        doubt = evidence.class_doubt(candidates, name)
        if doubt is None:
            share, fits = evidence.resample_share(candidates, name)
            if evidence.is_sure(share):
                return _told(candidates, name, share, fits)
            rival = candidates.closest_rival(name)
            doubt = Doubt(f"cannot tell {name} from {rival}: {100 * share:.0f} % of resamples")
        # What is said is about all sizes.
        if not start:
            whole, reason = candidates, doubt
    candidates = whole
    share, fits = evidence.resample_share(candidates, candidates.nearest)
    told = _told(candidates, candidates.nearest, share, fits)
    untold = _untold(figures, candidates.nearest, reason, share, limit, max_size)
    return Complexity(
        name=None,
        nearest=told.nearest,
        confidence=share,
        constant=told.constant,
        coefficient=told.coefficient,
        base=told.base,
        exponent=untold.exponent,
        fits=told.fits,
        from_size=told.from_size,
        advice=untold.advice,
        suggested_sizes=untold.suggested_sizes,
        needs_processes=untold.needs_processes,
    )


def _starts(figures: Figures) -> range:
    """How many of the smallest sizes to leave out: none, then one more each time."""
    count, most = len(figures.sizes), 0
    for start in range(1, int(_MOST_LEFT_OUT * count) + 1):
        is_wide = figures.sizes[-1] / figures.sizes[start] >= _RATIO_AFTER_LEAVING_OUT
        if is_wide and count - start >= _FEWEST_AFTER_LEAVING_OUT:
            most = start
    return range(most + 1)


def _largest_fall(figures: Figures) -> Doubt | None:
    floor = max(figures.tolerance, 1e-300)
    falls = 1 - figures.typical[1:] / np.maximum(figures.typical[:-1], floor)
    worst = int(np.argmax(falls))
    step = float(figures.typical[worst] - figures.typical[worst + 1])
    if falls[worst] <= 0.1 + 4 * figures.noise or step <= 2 * figures.tolerance:
        return None
    return Doubt(
        f"from size {figures.sizes[worst]:,.0f} to {figures.sizes[worst + 1]:,.0f} the figure "
        f"falls by {100 * falls[worst]:.0f} %; look at the warnings of these sizes, and measure "
        "again",
        needs_larger=False,
    )


def _told(candidates: Candidates, name: str, share: float, resampled: dict[str, Fit]) -> Complexity:
    figures, typical = candidates.figures, candidates.typical[name]
    base = candidates.base if name == EXPONENTIAL else 1.0
    log_largest = float(growth.log_curve(name, figures.sizes[-1:], base)[0])
    constants = np.concatenate([typical.constant, resampled[name].constant])
    scaled = np.concatenate([typical.scaled, resampled[name].scaled])
    log_b = np.log(np.maximum(scaled, 1e-300)) - log_largest
    count = max(2, figures.process_count)
    curves = np.stack([constants, log_b, np.full_like(log_b, base)], axis=1)
    return Complexity(
        name=name,
        nearest=name,
        confidence=share,
        constant=_estimate(constants, count),
        coefficient=_estimate(np.exp(log_b), count),
        base=_base_estimate(figures, base) if name == EXPONENTIAL else None,
        exponent=_exponent(figures),
        fits=_class_fits(candidates),
        from_size=int(figures.sizes[0]),
        curves=curves,
    )


def _claim_constant(figures: Figures, share: float) -> Complexity:
    levels = np.concatenate([[np.median(figures.typical)], np.median(figures.resampled, axis=1)])
    nothing = np.full_like(levels, -700.0)
    return Complexity(
        name=CONSTANT,
        nearest=CONSTANT,
        confidence=share,
        constant=_estimate(levels, max(2, figures.process_count)),
        exponent=_exponent(figures),
        from_size=int(figures.sizes[0]),
        curves=np.stack([levels, nothing, np.ones_like(levels)], axis=1),
    )


def _untold(
    figures: Figures,
    nearest: str | None,
    doubt: Doubt,
    share: float,
    limit: float,
    max_size: int,
    sizes: tuple[int, ...] | None = None,
) -> Complexity:
    exponent = _exponent(figures)
    if sizes is None:
        sizes = _suggested(figures, nearest, exponent, limit, max_size)
    if not doubt.needs_larger:
        sizes = ()
    noise = figures.noise if len(figures.sizes) else 0.0
    return Complexity(
        name=None,
        nearest=nearest,
        confidence=share,
        exponent=exponent,
        from_size=int(figures.sizes[0]) if len(figures.sizes) else 0,
        advice=_advice(doubt, exponent, sizes, noise),
        suggested_sizes=sizes,
        needs_processes=noise > _CLEAR_NOISE,
    )


def _suggested(
    figures: Figures, nearest: str | None, exponent: Estimate | None, limit: float, max_size: int
) -> tuple[int, ...]:
    sizes = [int(size) for size in figures.sizes]
    if not sizes:
        return further_sizes(sizes, exponent=1.0, last_figure=0.0)
    last = float(figures.typical[-1])
    if nearest == EXPONENTIAL:
        base = growth.best_base(figures.typical, figures.sizes, figures.tolerance)
        return further_steps(sizes, base=base, last_figure=last, limit=limit, max_size=max_size)
    slope = exponent.value if exponent else 1.0
    return further_sizes(sizes, exponent=slope, last_figure=last, limit=limit, max_size=max_size)


def _advice(doubt: Doubt, exponent: Estimate | None, sizes: tuple[int, ...], noise: float) -> str:
    parts = [doubt.why]
    if exponent is not None:
        parts.append(
            f"the larger sizes grow as n^{exponent.value:.2f} "
            f"({exponent.low:.2f} to {exponent.high:.2f})"
        )
    if sizes:
        parts.append("add sizes " + ", ".join(f"{size:,}" for size in sizes))
    elif doubt.needs_larger:
        parts.append("larger sizes would exceed the limits; allow a longer call or a larger size")
    if noise > _CLEAR_NOISE:
        parts.append(f"and take more processes: the figures are uncertain by {100 * noise:.0f} %")
    return "; ".join(parts)


def _class_fits(candidates: Candidates) -> tuple[ClassFit, ...]:
    return tuple(
        ClassFit(
            name=name,
            error=float(candidates.typical[name].errors[0]),
            held_out_error=float(candidates.typical[name].held_out[0]),
        )
        for name in growth.NAMES
    )


def _exponent(figures: Figures) -> Estimate | None:
    slope = figures.slope()
    return None if slope is None else Estimate(value=slope[0], low=slope[1], high=slope[2])


def _estimate(values: Floats, count: int) -> Estimate:
    """The first is of the medians, the others of resamples."""
    value = float(values[0])
    low, high = resampling.interval(values[1:], 0.95, count)
    return Estimate(value=value, low=min(low, value), high=max(high, value))


def _base_estimate(figures: Figures, base: float) -> Estimate:
    bases = [
        growth.best_base(row, figures.sizes, figures.tolerance) for row in figures.resampled[:40]
    ]
    return _estimate(np.array([base, *bases]), max(2, figures.process_count))


def _next_power_of_two(value: float) -> int:
    return int(2 ** math.ceil(math.log2(max(2.0, value))))
