"""Complexity classes as curves, and how they are fitted to figures."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from tensorfleet.kinds.profile.statistics.resampling import Floats

CONSTANT = "1"
EXPONENTIAL = "2ⁿ"

SMALLEST_BASE = 1.15
"""Of an exponential: below this, any curve looks like one over a short range."""
LARGEST_BASE = 4.0

# Each curve's logarithm, of sizes from 2 on: curves may then be as steep as they are.
_NAMED: dict[str, Callable[[Floats], Floats]] = {
    CONSTANT: lambda n: np.zeros_like(n),
    "log n": lambda n: np.log(np.log2(n)),
    "n": lambda n: np.log(n),
    "n log n": lambda n: np.log(n) + np.log(np.log2(n)),
    "n²": lambda n: 2 * np.log(n),
    "n³": lambda n: 3 * np.log(n),
}

# Never claimed; but what fits one of these as well is not claimed either.
_BETWEEN: dict[str, Callable[[Floats], Floats]] = {
    "√n": lambda n: 0.5 * np.log(n),
    "n / log n": lambda n: np.log(n) - np.log(np.log2(n)),
    "n log² n": lambda n: np.log(n) + 2 * np.log(np.log2(n)),
    "n^1.2": lambda n: 1.2 * np.log(n),
    "n^1.3": lambda n: 1.3 * np.log(n),
    "n^1.5": lambda n: 1.5 * np.log(n),
    "n² / log n": lambda n: 2 * np.log(n) - np.log(np.log2(n)),
    "n² log n": lambda n: 2 * np.log(n) + np.log(np.log2(n)),
    "n^2.5": lambda n: 2.5 * np.log(n),
    "n³ / log n": lambda n: 3 * np.log(n) - np.log(np.log2(n)),
    "n³ log n": lambda n: 3 * np.log(n) + np.log(np.log2(n)),
    "n⁴": lambda n: 4 * np.log(n),
}

NAMES = (*_NAMED, EXPONENTIAL)
"""What can be claimed, slowest growth first."""

BETWEEN_NAMES = tuple(_BETWEEN)

_CURVES = {**_NAMED, **_BETWEEN}
CURVE_NAMES = tuple(_CURVES)
"""All curves without a parameter of their own."""


@dataclass(frozen=True, slots=True)
class Fit:
    """The curves a + b·f(n) through several rows of figures, one a row."""

    constant: Floats
    """a  # (rows,) float64"""
    scaled: Floats
    """b times f of the largest size  # (rows,) float64"""
    errors: Floats
    """Relative deviations of the figures: root mean squares  # (rows,) float64"""
    held_out: Floats
    """The same of the largest sizes, by a curve through the others  # (rows,) float64"""


def log_curve(name: str, sizes: Floats, base: float = 2.0) -> Floats:
    """The logarithm of a class's curve at sizes from 2 on."""
    if name == EXPONENTIAL:
        return sizes * math.log(base)
    return _CURVES[name](sizes)


def shape_of(name: str, sizes: Floats, base: float = 2.0) -> Floats:
    """A class's curve, as parts of its value at the last of these sizes."""
    logs = log_curve(name, sizes, base)
    shape: Floats = np.exp(np.maximum(logs - logs[-1], -700.0))
    return shape


def power_shape(sizes: Floats, exponent: float) -> Floats:
    """n to this power, as parts of its value at the last of these sizes."""
    shape: Floats = (sizes / sizes[-1]) ** exponent
    return shape


def held_out_count(size_count: int) -> int:
    """So many of the largest sizes are predicted from the others: a quarter."""
    return max(1, round(size_count / 4))


def fit_shape(figures: Floats, shape: Floats, tolerance: float = 0.0) -> Fit:
    """Fits a + b·shape with a and b of at least 0, by relative least squares.

    Args:
        figures: (rows, sizes) float64, at least 0
        shape: (sizes,) or, for a curve a row, (rows, sizes) float64, rising to 1
        tolerance: Figures below this weigh no more than it does.
    """
    weights = 1.0 / np.maximum(figures, max(tolerance, 1e-300)) ** 2
    count = shape.shape[-1]
    train = slice(0, count - held_out_count(count))
    top = slice(train.stop, count)
    constant, scaled = _coefficients(figures, shape, weights)
    errors = _misfit(figures, shape, weights, constant, scaled)
    early_constant, early_scaled = _coefficients(
        figures[:, train], shape[..., train], weights[:, train]
    )
    held_out = _misfit(
        figures[:, top], shape[..., top], weights[:, top], early_constant, early_scaled
    )
    return Fit(constant, scaled, errors, held_out)


def _coefficients(figures: Floats, shape: Floats, weights: Floats) -> tuple[Floats, Floats]:
    total = weights.sum(axis=1)
    by_shape = (weights * shape).sum(axis=1)
    by_square = (weights * shape**2).sum(axis=1)
    by_figure = (weights * figures).sum(axis=1)
    by_both = (weights * figures * shape).sum(axis=1)
    determinant = total * by_square - by_shape**2
    is_flat = determinant <= 1e-12 * total * by_square
    safe = np.where(is_flat, 1.0, determinant)
    constant = np.where(is_flat, -1.0, (by_square * by_figure - by_shape * by_both) / safe)
    scaled = np.where(is_flat, 0.0, (total * by_both - by_shape * by_figure) / safe)
    through_zero = by_both / np.maximum(by_square, 1e-300)
    # A minimum outside the quadrant moves to its edge, where it is the fit of one coefficient.
    without_constant = constant < 0
    without_growth = (scaled < 0) & ~without_constant
    final_constant = np.where(
        without_constant, 0.0, np.where(without_growth, by_figure / total, constant)
    )
    final_scaled = np.where(without_constant, through_zero, np.where(without_growth, 0.0, scaled))
    return final_constant, final_scaled


def _misfit(
    figures: Floats, shape: Floats, weights: Floats, constant: Floats, scaled: Floats
) -> Floats:
    predicted = constant[:, None] + scaled[:, None] * shape
    # A steep curve may miss by more than a square can hold; how far then no longer matters.
    relative = np.minimum(np.sqrt(weights) * np.abs(figures - predicted), 1e100)
    misfit: Floats = np.sqrt((relative**2).mean(axis=1))
    return misfit


def best_base(figures: Floats, sizes: Floats, tolerance: float = 0.0) -> float:
    """The base of the exponential that fits one row of figures best  # (sizes,) float64"""

    def errors(log_bases: Floats) -> Floats:
        shapes = np.exp(np.maximum((sizes - sizes[-1]) * log_bases[:, None], -700.0))
        return fit_shape(_repeated(figures, log_bases), shapes, tolerance).errors

    return math.exp(_minimum(errors, math.log(1.01), math.log(1.05 * LARGEST_BASE)))


def best_power(figures: Floats, sizes: Floats, tolerance: float = 0.0) -> float:
    """The exponent of the power of n that fits one row of figures best  # (sizes,) float64"""

    def errors(exponents: Floats) -> Floats:
        shapes = (sizes / sizes[-1]) ** exponents[:, None]
        return fit_shape(_repeated(figures, exponents), shapes, tolerance).errors

    return _minimum(errors, 0.1, 12.0)


def step_misfit(figures: Floats, sizes: Floats, exponent: float, tolerance: float = 0.0) -> float:
    """How well n to this power fits when each unit of work gets dearer somewhere, as where the
    data outgrow a cache: the least misfit over the place, the width and the height of such a step.
    """
    logs = np.log(sizes)
    places = np.linspace(logs[0], logs[-1], 13)
    widths = np.array([0.25, 0.5, 1.0])
    heights = np.array([0.1, 0.2, 0.35, 0.5, 0.7, 1.0, 1.4, 2.0])
    place, width, height = (grid.reshape(-1, 1) for grid in np.meshgrid(places, widths, heights))
    dearer = 1.0 + height / (1.0 + np.exp(-(logs - place) / width))
    curves = (sizes / sizes[-1]) ** exponent * dearer
    shapes = curves / curves[:, -1:]
    rows = _repeated(figures, place[:, 0])
    return float(fit_shape(rows, shapes, tolerance).errors.min())


def _repeated(figures: Floats, parameters: Floats) -> Floats:
    return np.broadcast_to(figures, (len(parameters), len(figures)))


def _minimum(function: Callable[[Floats], Floats], low: float, high: float) -> float:
    """Where it is least: the best of a grid, then of finer ones around it."""
    for _ in range(4):
        grid = np.linspace(low, high, 25)
        best = int(np.argmin(function(grid)))
        low, high = float(grid[max(0, best - 1)]), float(grid[min(24, best + 1)])
    return (low + high) / 2.0
