"""How the times of each algorithm are distributed, at one size."""

import math

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from tensorfleet.kinds.drawing import quantities, style
from tensorfleet.kinds.profile.drawing.choice import Choice
from tensorfleet.kinds.profile.measurement import Processes
from tensorfleet.kinds.profile.readings import Readings
from tensorfleet.kinds.profile.statistics.resampling import Floats, random_source
from tensorfleet.kinds.profile.statistics.summary import summarize
from tensorfleet.shared.errors import InvalidInput

_FEWEST_FOR_SHAPE = 5
_LARGEST_COMMON_RATIO = 2.0
_DARK = "#202124"


def draw(read: Readings, choice: Choice) -> Figure:
    """All values of each algorithm at one size: the given one, or the largest that most have."""
    chosen = choice.series(read)
    has_inputs = len({series.input for series in chosen}) > 1
    by_size: dict[int, list[tuple[str, Processes]]] = {}
    for series in chosen:
        name = series.algorithm.name + (f"\n({series.input})" if has_inputs else "")
        for cell in series.cells:
            if any(cell.processes):
                by_size.setdefault(cell.size, []).append((name, cell.processes))
    size = choice.size
    if size is None:
        size = max(by_size, key=lambda known: (len(by_size[known]), known))
    if size not in by_size:
        known = ", ".join(str(known) for known in sorted(by_size))
        raise InvalidInput(f"size {size} was not measured; there are: {known}")
    return _draw(size, by_size[size][: style.MOST_LINES])


def _draw(size: int, groups: list[tuple[str, Processes]]) -> Figure:
    summaries = [summarize(processes) for _, processes in groups]
    medians = [summary.median for summary in summaries]
    # Where medians are far apart, each is shown around its own: else all would look flat.
    is_relative = max(medians) > _LARGEST_COMMON_RATIO * min(medians)
    units = medians if is_relative else [1.0] * len(groups)
    figure = Figure(figsize=(max(5.5, 1.4 * len(groups) + 2), 4.8), layout="constrained")
    axes = figure.add_subplot()
    source = random_source()
    names = []
    for index, (name, processes) in enumerate(groups):
        unit, summary = units[index], summaries[index]
        values = np.concatenate([np.asarray(run) for run in processes if run])
        _draw_group(axes, index, values / unit, source)
        if summary.low is not None and summary.high is not None:
            axes.vlines(
                index, summary.low / unit, summary.high / unit, color=_DARK, linewidth=4, zorder=4
            )
        axes.plot(index, summary.median / unit, "o", color="white", mec=_DARK, zorder=5)
        names.append(f"{name}\n{quantities.seconds_text(summary.median)}")
    text = quantities.relative_text if is_relative else quantities.seconds_text
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: text(value)))
    axes.set_xticks(range(len(groups)), names)
    axes.tick_params(axis="x", length=0)
    axes.set_xlim(-0.6, len(groups) - 0.4)
    axes.grid(visible=False, axis="x")
    if is_relative:
        axes.set_ylabel("difference from the median")
    axes.set_title(f"Time of one call at size {size:,}")
    axes.set_xlabel(
        "dots: values · circle: median · bar: its 95 % interval",
        color=style.GREY,
        fontsize=8,
        labelpad=8,
    )
    return figure


def _draw_group(axes: Axes, index: int, values: Floats, source: np.random.Generator) -> None:
    colour = style.colour_of(index)
    width: Floats = np.full(len(values), 0.1)
    if len(values) >= _FEWEST_FOR_SHAPE and float(np.ptp(values)) > 0:
        bandwidth = _bandwidth(values)
        at = np.linspace(values.min() - 2 * bandwidth, values.max() + 2 * bandwidth, 160)
        density = _density(values, at, bandwidth)
        half = 0.4 * density / density.max()
        axes.fill_betweenx(at, index - half, index + half, color=colour, alpha=0.25, linewidth=0)
        axes.plot(index - half, at, color=colour, linewidth=1)
        axes.plot(index + half, at, color=colour, linewidth=1)
        width = np.interp(values, at, half)
    jitter = source.uniform(-0.7, 0.7, len(values)) * width
    axes.plot(index + jitter, values, ".", color=colour, markersize=5, alpha=0.8, mew=0)


def _bandwidth(values: Floats) -> float:
    """B. W. Silverman, Density Estimation for Statistics and Data Analysis (1986), eq. 3.31."""
    upper, lower = (float(quantile) for quantile in np.quantile(values, [0.75, 0.25]))
    deviation = float(values.std(ddof=1))
    spread = min(deviation, (upper - lower) / 1.34) or deviation
    narrowest = 1e-4 * float(np.median(values))
    return max(0.9 * spread / math.pow(len(values), 0.2), narrowest)


def _density(values: Floats, at: Floats, bandwidth: float) -> Floats:
    distances = (at[:, None] - values[None, :]) / bandwidth
    density: Floats = np.exp(-0.5 * distances**2).mean(axis=1)
    return density
