"""Whether figures are enough to claim a complexity class."""

import math
from dataclasses import dataclass

import numpy as np

from tensorfleet.kinds.profile.statistics import growth, resampling
from tensorfleet.kinds.profile.statistics.figures import Figures
from tensorfleet.kinds.profile.statistics.growth import CONSTANT, EXPONENTIAL, Fit

FEWEST_SIZES = 4
SMALLEST_RATIO = 8.0
"""Of the largest to the smallest size, for powers of n."""
SMALLEST_SPAN = 8
"""From the smallest to the largest size, for exponentials."""
_RATIO_FOR_CONSTANT = 32.0
_MOST_GROWTH_OF_CONSTANT = 0.045
_SURE = 0.95

# Real curves are never quite those of the class; more than this is another curve.
_LARGEST_MISFIT = 0.05
_LARGEST_HELD_OUT = 0.15
_NOISE_FACTOR = 2.5

# The nearest rival must be this much worse, and by more than noise could make it.
_RIVAL_FACTOR = 2.2
_RIVAL_MARGIN = 0.01
_RIVAL_HELD_OUT_FACTOR = 1.7
# What noise leaves of the difference between a class and a curve between the classes is not enough
# to tell them apart, nor needed: but what fits that much better is nearer the truth.
_BETWEEN_FACTOR = 0.7
# Noisier figures say too little about any curve.
_MOST_NOISE = 0.06

# What grows by a factor log n more than these powers of n looks much like them on caches.
_WITH_LOGARITHM = {"log n": 0.0, "n log n": 1.0}
# Over a shorter range powers look like it, too: of the largest size to the smallest at which the
# growth is the larger part.
_RATIO_WITH_LOGARITHM = 32.0
_LARGEST_MISFIT_WITH_LOGARITHM = 0.025
_FLEXIBLE_FACTOR = 0.65

_POWER = "a power of n"


@dataclass(frozen=True, slots=True)
class Candidates:
    """Every curve through the same figures: the typical figures as one row, and all resamples."""

    figures: Figures
    typical: dict[str, Fit]
    base: float
    """Of the exponential."""
    nearest: str
    """The class with the least misfit."""

    def rivals(self, name: str) -> list[str]:
        """The curves that must be worse for this class to be claimed."""
        return [
            rival
            for rival in self.typical
            if rival != name
            and (rival in growth.NAMES or (rival == _POWER and name == EXPONENTIAL))
        ]

    def between(self, name: str) -> list[str]:
        """The curves between the classes, which must not be much better."""
        return [rival for rival in self.typical if rival in growth.BETWEEN_NAMES]

    def closest_rival(self, name: str) -> str:
        """The curve with the next larger misfit."""
        return min(self.rivals(name), key=lambda rival: float(self.typical[rival].errors[0]))


@dataclass(frozen=True, slots=True)
class Doubt:
    """Why no class is claimed."""

    why: str
    needs_larger: bool = True


def try_curves(figures: Figures) -> Candidates:
    """Fits all curves to the typical figures."""
    rows = figures.typical[None, :]
    base = growth.best_base(figures.typical, figures.sizes, figures.tolerance)
    power = growth.best_power(figures.typical, figures.sizes, figures.tolerance)
    fits = {name: _fit(figures, rows, name, base, power) for name in _curve_names()}
    nearest = min(growth.NAMES, key=lambda name: float(fits[name].errors[0]))
    return Candidates(figures, fits, base, nearest)


def constant_doubt(figures: Figures) -> tuple[float, Doubt | None]:
    """The share of resamples that say "does not grow", and what speaks against claiming it."""
    sizes = figures.sizes
    spread = float(sizes[-1] / sizes[0])
    if spread < _RATIO_FOR_CONSTANT:
        return 0.0, Doubt("the sizes are too close to each other to show that nothing grows")
    upper, is_growing, share = 0.0, False, 1.0
    for position in (np.log(sizes / sizes[0]) / math.log(spread), sizes / sizes[-1]):
        relative = _relative_growth(figures.resampled, position, figures.tolerance)
        estimate = float(_relative_growth(figures.typical[None, :], position, figures.tolerance)[0])
        low, high = resampling.interval(relative, 0.9, max(2, figures.process_count))
        upper = max(upper, high)
        is_growing = is_growing or (low > 0.01 and estimate > 0.01)
        share = min(share, float((np.abs(relative) < _MOST_GROWTH_OF_CONSTANT).mean()))
    level = np.maximum(np.median(figures.typical), figures.tolerance)
    unevenness = float(np.abs(figures.typical / level - 1).max())
    doubt = None
    if is_growing or upper > _MOST_GROWTH_OF_CONSTANT:
        doubt = Doubt(
            f"cannot tell {CONSTANT} from log n: it may grow by up to "
            f"{100 * max(0.0, upper):.0f} % over these sizes"
        )
    elif unevenness > _LARGEST_MISFIT + 3 * figures.noise:
        doubt = Doubt(f"single sizes differ by {100 * unevenness:.0f} % without a direction")
    return share, doubt


def class_doubt(candidates: Candidates, name: str) -> Doubt | None:
    """What speaks against claiming this class, by the typical figures alone."""
    figures, fit = candidates.figures, candidates.typical[name]
    noise = figures.noise
    misfit, held_out = float(fit.errors[0]), float(fit.held_out[0])
    rival = candidates.closest_rival(name)
    doubt = _range_doubt(figures, name)
    if doubt is None and noise > _MOST_NOISE:
        doubt = Doubt("the figures are too uncertain", needs_larger=False)
    if doubt is None and misfit > max(_LARGEST_MISFIT, _NOISE_FACTOR * noise):
        doubt = Doubt(f"no class fits: the nearest, {name}, is off by {100 * misfit:.0f} %")
    if doubt is None and not _rivals_are_worse(candidates, name, noise):
        doubt = Doubt(f"cannot tell {name} from {rival}")
    if doubt is None and held_out > max(_LARGEST_HELD_OUT, 2 * _NOISE_FACTOR * noise):
        doubt = Doubt(
            f"{name} fits, but it predicts the largest sizes from the others with "
            f"{100 * held_out:.0f} % error"
        )
    if doubt is None and name == EXPONENTIAL:
        doubt = _base_doubt(candidates)
    if doubt is None and name in _WITH_LOGARITHM:
        doubt = _logarithm_doubt(candidates, name)
    return doubt or _overhead_doubt(figures, fit, name, candidates.base)


def resample_share(candidates: Candidates, name: str) -> tuple[float, dict[str, Fit]]:
    """In which share of resamples this class wins, and the fits to all of them."""
    figures = candidates.figures
    power = growth.best_power(figures.typical, figures.sizes, figures.tolerance)
    fits = {
        curve: _fit(figures, figures.resampled, curve, candidates.base, power)
        for curve in _curve_names()
    }
    own = _score(fits[name])
    rivals = np.stack([_score(fits[rival]) for rival in candidates.rivals(name)])
    return float((own < rivals.min(axis=0)).mean()), fits


def is_sure(share: float) -> bool:
    """Whether this share of resamples is enough."""
    return share >= _SURE


def _curve_names() -> tuple[str, ...]:
    return (*growth.CURVE_NAMES, EXPONENTIAL, _POWER)


def _fit(figures: Figures, rows: resampling.Floats, name: str, base: float, power: float) -> Fit:
    if name == _POWER:
        shape = growth.power_shape(figures.sizes, power)
    else:
        shape = growth.shape_of(name, figures.sizes, base)
    return growth.fit_shape(rows, shape, figures.tolerance)


def _score(fit: Fit) -> resampling.Floats:
    score: resampling.Floats = fit.errors**2 + fit.held_out**2
    return score


def _range_doubt(figures: Figures, name: str) -> Doubt | None:
    smallest, largest = float(figures.sizes[0]), float(figures.sizes[-1])
    if name == EXPONENTIAL:
        if largest - smallest < SMALLEST_SPAN:
            return Doubt(f"sizes from {smallest:.0f} to {largest:.0f} are too close together")
        return None
    if largest / smallest < SMALLEST_RATIO:
        return Doubt(
            f"the largest size is only {largest / smallest:.1f} times the smallest; at least "
            f"{SMALLEST_RATIO:.0f} times are needed"
        )
    return None


def _rivals_are_worse(candidates: Candidates, name: str, noise: float) -> bool:
    fit = candidates.typical[name]
    misfit, held_out = float(fit.errors[0]), float(fit.held_out[0])
    for rival in candidates.rivals(name):
        other = candidates.typical[rival]
        margin = float(other.errors[0]) - misfit
        if float(other.errors[0]) < _RIVAL_FACTOR * misfit or margin < max(
            _RIVAL_MARGIN, 0.5 * noise
        ):
            return False
        # A rival may by luck meet the few sizes held out, but not if it misses the others widely.
        is_hopeless = float(other.errors[0]) > 5 * misfit and float(other.errors[0]) > 0.1
        if not is_hopeless and float(other.held_out[0]) < _RIVAL_HELD_OUT_FACTOR * held_out:
            return False
    return all(
        float(candidates.typical[other].errors[0]) > _BETWEEN_FACTOR * misfit
        for other in candidates.between(name)
    )


def _logarithm_doubt(candidates: Candidates, name: str) -> Doubt | None:
    """Whether the factor log n may be something else that grows slowly.

    Curves with parameters of their own fit better anyhow; much better, they are nearer the truth.
    """
    figures, misfit = candidates.figures, float(candidates.typical[name].errors[0])
    if misfit > max(_LARGEST_MISFIT_WITH_LOGARITHM, _NOISE_FACTOR * figures.noise):
        return Doubt(f"{name} is the nearest class, but off by {100 * misfit:.0f} %")
    if float(candidates.typical[_POWER].errors[0]) < _FLEXIBLE_FACTOR * misfit:
        return Doubt(f"a power of n between the classes fits better than {name}")
    shares = _growing_shares(figures, candidates.typical[name], name, candidates.base)
    clear = figures.sizes[shares >= 0.5]
    if not len(clear) or clear[-1] / clear[0] < _RATIO_WITH_LOGARITHM:
        return Doubt(
            f"to tell {name} from a power of n, sizes must span a factor of "
            f"{_RATIO_WITH_LOGARITHM:.0f} where the growth is the larger part"
        )
    step = growth.step_misfit(
        figures.typical, figures.sizes, _WITH_LOGARITHM[name], figures.tolerance
    )
    if step < _FLEXIBLE_FACTOR * misfit:
        without = CONSTANT if name == "log n" else "n"
        return Doubt(f"cannot tell {name} from {without} with a step, as of a cache")
    return None


def _base_doubt(candidates: Candidates) -> Doubt | None:
    if growth.SMALLEST_BASE < candidates.base <= growth.LARGEST_BASE:
        return None
    return Doubt(
        f"an exponential of base {candidates.base:.2f} is outside "
        f"{growth.SMALLEST_BASE} to {growth.LARGEST_BASE:.0f}"
    )


def _overhead_doubt(figures: Figures, fit: Fit, name: str, base: float) -> Doubt | None:
    """Whether a constant part hides the growth at most sizes."""
    share = _growing_shares(figures, fit, name, base)
    needed_share = 0.4 if name == "log n" else 0.5
    visible = figures.sizes[share > needed_share / 2]
    if name == EXPONENTIAL:
        is_visible = len(visible) >= 4 and visible[-1] - visible[0] >= SMALLEST_SPAN / 2
    else:
        is_visible = len(visible) >= 3 and visible[-1] / visible[0] >= 4
    if float(share[-1]) >= needed_share and is_visible:
        return None
    return Doubt(
        f"a constant part hides the growth: only {100 * float(share[-1]):.0f} % of the largest "
        f"size's figure grow as {name}"
    )


def _growing_shares(figures: Figures, fit: Fit, name: str, base: float) -> resampling.Floats:
    """Which part of each size's figure grows, by the curve  # (sizes,) float64"""
    constant, scaled = float(fit.constant[0]), float(fit.scaled[0])
    growing = scaled * growth.shape_of(name, figures.sizes, base)
    shares: resampling.Floats = growing / np.maximum(growing + constant, 1e-300)
    return shares


def _relative_growth(
    rows: resampling.Floats, position: resampling.Floats, tolerance: float
) -> resampling.Floats:
    """By how much the line over the position rises, relative to its level."""
    level = np.maximum(np.median(rows, axis=1, keepdims=True), tolerance)
    centred = position - position.mean()
    rise: resampling.Floats = ((rows / level) * centred).sum(axis=1) / (centred**2).sum()
    return rise
