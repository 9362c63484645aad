"""How the times of each algorithm are distributed, at one size."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tensorfleet.kinds.profile.drawing import style
from tensorfleet.kinds.profile.drawing.choice import Choice
from tensorfleet.kinds.profile.measurement import Processes
from tensorfleet.kinds.profile.readings import Readings
from tensorfleet.kinds.profile.statistics.resampling import Floats, random_source
from tensorfleet.kinds.profile.statistics.summary import summarize
from tensorfleet.shared.errors import InvalidInput

_FEWEST_FOR_SHAPE = 5


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
    figure = Figure(figsize=(max(5.5, 1.5 * len(groups) + 2), 4.8), layout="constrained")
    axes = figure.add_subplot()
    source = random_source()
    for index, (_, processes) in enumerate(groups):
        logs = np.log10(np.concatenate([np.asarray(values) for values in processes if values]))
        _draw_group(axes, index, logs, source)
        summary = summarize(processes)
        if summary.low is not None and summary.high is not None:
            axes.vlines(index, summary.low, summary.high, color="#202124", linewidth=4, zorder=4)
        axes.plot(index, summary.median, "o", color="white", markeredgecolor="#202124", zorder=5)
        axes.annotate(
            style.seconds_text(summary.median),
            (index, summary.median),
            xytext=(12, 0),
            textcoords="offset points",
            verticalalignment="center",
            fontsize=8.5,
            zorder=6,
            bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.75, "pad": 1},
        )
    style.mark_seconds(axes)
    axes.set_xticks(range(len(groups)), [name for name, _ in groups])
    axes.tick_params(axis="x", length=0)
    axes.set_xlim(-0.6, len(groups) - 0.4)
    axes.grid(visible=False, axis="x")
    axes.set_title(f"Time of one call at size {size:,}")
    axes.set_xlabel(
        "dots: values · circle: median · bar: its 95 % interval",
        color=style.GREY,
        fontsize=8,
        labelpad=8,
    )
    return figure


def _draw_group(axes: Axes, index: int, logs: Floats, source: np.random.Generator) -> None:
    colour = style.colour_of(index)
    width: Floats = np.full(len(logs), 0.1)
    if len(logs) >= _FEWEST_FOR_SHAPE and float(np.ptp(logs)) > 0:
        at = np.linspace(logs.min(), logs.max(), 120)
        bandwidth = _bandwidth(logs)
        at = np.linspace(logs.min() - 2 * bandwidth, logs.max() + 2 * bandwidth, 160)
        density = _density(logs, at, bandwidth)
        half = 0.4 * density / density.max()
        axes.fill_betweenx(
            10**at, index - half, index + half, color=colour, alpha=0.25, linewidth=0
        )
        axes.plot(index - half, 10**at, color=colour, linewidth=1)
        axes.plot(index + half, 10**at, color=colour, linewidth=1)
        width = np.interp(logs, at, half)
    jitter = source.uniform(-0.7, 0.7, len(logs)) * width
    axes.plot(
        index + jitter, 10**logs, ".", color=colour, markersize=4, alpha=0.8, markeredgewidth=0
    )
    axes.set_yscale("log")


def _bandwidth(logs: Floats) -> float:
    """B. W. Silverman, Density Estimation for Statistics and Data Analysis (1986), eq. 3.31."""
    upper, lower = np.quantile(logs, [0.75, 0.25])
    spread = min(float(logs.std(ddof=1)), float(upper - lower) / 1.34) or float(logs.std(ddof=1))
    return max(0.9 * spread * len(logs) ** -0.2, 1e-4)


def _density(logs: Floats, at: Floats, bandwidth: float) -> Floats:
    distances = (at[:, None] - logs[None, :]) / bandwidth
    density: Floats = np.exp(-0.5 * distances**2).mean(axis=1)
    return density
