"""Figures over size: time, and memory."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tensorfleet.kinds.drawing import style
from tensorfleet.kinds.profile.drawing.choice import Choice
from tensorfleet.kinds.profile.measurement import Series
from tensorfleet.kinds.profile.readings import Readings
from tensorfleet.kinds.profile.report import memory_complexity, needed_bytes, time_complexity
from tensorfleet.kinds.profile.statistics.complexity import Complexity
from tensorfleet.kinds.profile.statistics.summary import summarize
from tensorfleet.shared.errors import InvalidInput

_POINTS_OF_CURVE = 160


@dataclass(frozen=True, slots=True)
class _Line:
    """One algorithm on one kind of input."""

    label: str
    sizes: list[int]
    figures: list[float]
    lows: list[float]
    highs: list[float]
    complexity: Complexity | None


def draw_time(read: Readings, choice: Choice) -> Figure:
    """Time over size, log–log, with the fitted curve and its band where a class can be told.

    The points are the least times, to which the curve is fitted; bars reach up to the medians.
    """
    chosen = choice.series(read)
    labels = _labels(chosen)
    lines = [_time_line(series, label) for series, label in zip(chosen, labels, strict=True)]
    return _draw(lines, "Time of one call: the least, and up to the median", style.mark_seconds)


def draw_memory(read: Readings, choice: Choice) -> Figure:
    """What a call needs beyond its input, over size."""
    chosen = [
        series
        for series in choice.series(read)
        if any(cell.memory is not None and needed_bytes(cell.memory) for cell in series.cells)
    ]
    if not chosen:
        raise InvalidInput("there is nothing to draw: no call needed memory that could be measured")
    labels = _labels(chosen)
    lines = [_memory_line(series, label) for series, label in zip(chosen, labels, strict=True)]
    return _draw(lines, "Memory of one call beyond its input", style.mark_bytes)


def _time_line(series: Series, label: str) -> _Line:
    cells = [cell for cell in series.cells if any(cell.processes) and cell.size > 0]
    figures = [summarize(cell.processes) for cell in cells]
    return _Line(
        label=label + _class_text(series, complexity := time_complexity(series)),
        sizes=[cell.size for cell in cells],
        figures=[figure.minimum for figure in figures],
        lows=[figure.minimum for figure in figures],
        highs=[figure.median for figure in figures],
        complexity=complexity,
    )


def _memory_line(series: Series, label: str) -> _Line:
    known = [
        (cell.size, float(needed_bytes(cell.memory)))
        for cell in series.cells
        if cell.memory is not None and needed_bytes(cell.memory) > 0 and cell.size > 0
    ]
    found = memory_complexity(series)
    figures = [figure for _, figure in known]
    text = f"  {found.name}" if found is not None and found.name is not None else ""
    return _Line(
        label=label + text,
        sizes=[size for size, _ in known],
        figures=figures,
        lows=figures,
        highs=figures,
        complexity=found,
    )


def _draw(lines: Sequence[_Line], title: str, mark_figures: Callable[[Axes], None]) -> Figure:
    left_out = len(lines) - style.MOST_LINES
    lines = lines[: style.MOST_LINES]
    figure = Figure(figsize=(8.4, 5.0), layout="constrained")
    axes = figure.add_subplot()
    for index, line in enumerate(lines):
        _draw_line(axes, line, index)
    sizes = sorted({size for line in lines for size in line.sizes})
    if not sizes:
        raise InvalidInput("there is nothing to draw: no size above 0 was measured")
    _set_range(axes, lines)
    mark_figures(axes)
    style.mark_sizes(axes, sizes)
    axes.set_title(title)
    _name_lines(axes, lines)
    if left_out > 0:
        axes.annotate(
            f"{left_out} more not shown: choose some with the option algorithms or inputs",
            (0, 0),
            xytext=(4, 4),
            xycoords="axes fraction",
            textcoords="offset points",
            color=style.GREY,
            fontsize=8,
        )
    return figure


def _draw_line(axes: Axes, line: _Line, index: int) -> None:
    colour = style.colour_of(index)
    figures = np.array(line.figures)
    reach = np.abs(np.array([figures - np.array(line.lows), np.array(line.highs) - figures]))
    axes.errorbar(
        line.sizes,
        figures,
        yerr=reach,
        fmt=style.mark_of(index),
        color=colour,
        markersize=5,
        markeredgecolor="white",
        markeredgewidth=0.6,
        elinewidth=1.2,
        capsize=2.5,
        zorder=3,
    )
    band = None
    if line.complexity is not None and line.complexity.name is not None:
        at = np.geomspace(max(2, line.complexity.from_size), line.sizes[-1], _POINTS_OF_CURVE)
        band = line.complexity.band(at.tolist())
    if band is None:
        # No class could be told: the points are joined, and nothing is claimed between them.
        axes.plot(line.sizes, figures, color=colour, linewidth=1, linestyle=(0, (2, 2)))
        return
    middle, low, high = band
    axes.fill_between(at, low, high, color=colour, alpha=0.18, linewidth=0, zorder=1)
    axes.plot(at, middle, color=colour, zorder=2)


def _set_range(axes: Axes, lines: Sequence[_Line]) -> None:
    low = min(min(line.lows) for line in lines if line.lows)
    high = max(max(line.highs) for line in lines if line.highs)
    pad = max(1.15, (high / low) ** 0.05)
    axes.set_ylim(low / pad, high * pad)


def _name_lines(axes: Axes, lines: Sequence[_Line]) -> None:
    """Names at the right ends of the lines, moved apart where they would overlap."""
    ends = [(np.log(line.figures[-1]), index) for index, line in enumerate(lines) if line.figures]
    low, high = np.log(axes.get_ylim())
    distance = 0.058
    at: dict[int, float] = {}
    previous = -1.0
    for position, index in sorted(ends):
        height = max((position - low) / (high - low), previous + distance)
        at[index] = previous = height
    # Pushed out at the top, they all move down together as far as needed.
    ceiling = 1.0
    for index in sorted(at, key=lambda index: -at[index]):
        at[index] = ceiling = min(at[index], ceiling)
        ceiling -= distance
    for index, height in at.items():
        line = lines[index]
        end = (np.log(line.figures[-1]) - low) / (high - low)
        axes.annotate(
            line.label,
            xy=(1.0, end),
            xytext=(1.025, height),
            xycoords="axes fraction",
            textcoords="axes fraction",
            color=style.colour_of(index),
            fontsize=9,
            verticalalignment="center",
            annotation_clip=False,
        )


def _labels(chosen: Sequence[Series]) -> list[str]:
    """Names that tell them apart: the input and the worker only where these differ."""
    has_inputs = len({series.input for series in chosen}) > 1
    parts = [
        f"{series.algorithm.name} ({series.input})" if has_inputs else series.algorithm.name
        for series in chosen
    ]
    seen: dict[str, int] = {}
    labels = []
    for part in parts:
        seen[part] = seen.get(part, 0) + 1
        labels.append(f"{part} #{seen[part]}" if parts.count(part) > 1 else part)
    return labels


def _class_text(series: Series, found: Complexity) -> str:
    expected = series.algorithm.expected.get(series.input, "")
    if found.name is None:
        exponent = f"≈ n^{found.exponent.value:.2f}" if found.exponent else "?"
        return f"  {exponent}" + (f", expected {expected}" if expected else "")
    name = found.name
    if found.base is not None:
        name = f"{found.base.value:.2f}ⁿ"
    elif expected and expected.replace("^2", "²").replace("^3", "³") != found.name:
        name += f", expected {expected}"
    return f"  {name}"
