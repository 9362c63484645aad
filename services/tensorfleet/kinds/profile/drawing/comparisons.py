"""The ratio of two algorithms' times over sizes."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from tensorfleet.kinds.drawing import quantities, style
from tensorfleet.kinds.profile.drawing.choice import Choice
from tensorfleet.kinds.profile.measurement import Comparison
from tensorfleet.kinds.profile.readings import Readings
from tensorfleet.kinds.profile.report import size_verdicts
from tensorfleet.kinds.profile.statistics.comparison import NO_EVIDENCE

_MOST_PANELS = 6


def draw(read: Readings, choice: Choice) -> Figure:
    """A panel for each comparison: ratios with intervals, and the band of this machine's noise."""
    chosen = choice.comparisons(read)[:_MOST_PANELS]
    figure = Figure(figsize=(8.4, 0.6 + 3.4 * len(chosen)), layout="constrained")
    for index, pair in enumerate(chosen):
        _draw_panel(figure.add_subplot(len(chosen), 1, index + 1), pair)
    return figure


def _draw_panel(axes: Axes, pair: Comparison) -> None:
    found = [
        (cell.size, verdict)
        for cell, verdict in size_verdicts(pair)
        if verdict.round_count and verdict.ratio > 0
    ]
    found.sort(key=lambda item: item[0])
    places = np.arange(len(found))
    noises = [verdict.noise or 0.0 for _, verdict in found]
    edges = [1 + max(noises, default=0.0)]
    for place, noise in zip(places, noises, strict=True):
        axes.fill_between(
            [place - 0.5, place + 0.5],
            1 / (1 + noise),
            1 + noise,
            color=style.LIGHT_GREY,
            alpha=0.8,
            linewidth=0,
            zorder=0,
        )
    axes.axhline(1.0, color=style.GREY, linewidth=1, zorder=1)
    for place, (_, verdict) in zip(places, found, strict=True):
        colour = {"slower": style.COLOURS[1], "faster": style.COLOURS[0]}.get(
            verdict.verdict, style.GREY
        )
        low, high = verdict.low or verdict.ratio, verdict.high or verdict.ratio
        edges += [low, high]
        axes.vlines(place, low, high, color=colour, linewidth=2, zorder=2)
        axes.plot(place, verdict.ratio, "o", color=colour, markersize=7, zorder=3)
        word = "no evidence" if verdict.verdict == NO_EVIDENCE else verdict.verdict
        axes.annotate(
            f"{verdict.ratio:.3g}×  {word}",
            (place, verdict.ratio),
            xytext=(8, 0),
            textcoords="offset points",
            verticalalignment="center",
            fontsize=8.5,
            color=colour,
        )
    edges += [0.99, 1.01, 1 / edges[0]]
    pad = max(1.003, (max(edges) / min(edges)) ** 0.06)
    axes.set_yscale("log")
    axes.set_ylim(min(edges) / pad, max(edges) * pad)
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.4g}×"))
    axes.yaxis.set_minor_formatter(FuncFormatter(lambda value, _: ""))
    axes.set_yticks(_ticks(*axes.get_ylim()))
    axes.minorticks_off()
    axes.set_xlim(-0.5, len(found) - 0.5 + 0.25)
    axes.set_xticks(places, [quantities.size_text(size) for size, _ in found])
    axes.grid(visible=False, axis="x")
    axes.set_xlabel(f"size ({pair.input} input) · grey: what this machine shows for no difference")
    axes.set_ylabel(f"{pair.b.name} / {pair.a.name}")
    axes.set_title(f"How many times as long {pair.b.name} takes as {pair.a.name}")


def _ticks(low: float, high: float) -> list[float]:
    """A handful of round ratios, always with 1."""
    steps = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5)
    if high / low < 2.2:
        step = next((step for step in steps if (high - low) / step <= 8), 0.5)
        first, last = int(np.ceil((low - 1) / step)), int(np.floor((high - 1) / step))
        return [1 + step * k for k in range(first, last + 1)]
    decades = range(int(np.floor(np.log10(low))) - 1, int(np.ceil(np.log10(high))) + 1)
    factors = (1, 2, 5) if high / low < 300 else (1,)
    every = [factor * 10.0**decade for decade in decades for factor in factors]
    return [tick for tick in every if low <= tick <= high]
