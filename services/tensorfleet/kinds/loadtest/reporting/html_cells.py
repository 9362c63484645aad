"""Figures of points as cells of a table."""

from tensorfleet.kinds.drawing.quantities import rate_text, share_text
from tensorfleet.kinds.loadtest.reporting.html_parts import seconds_or_dash
from tensorfleet.kinds.loadtest.reporting.point_figures import (
    PERCENTILES,
    PointFigures,
    Spread,
    percentile_name,
)

TIMES = ("avg", "min", "max", *map(percentile_name, PERCENTILES))
"""Headers of what `times` gives."""


def times(spread: Spread, ratios: dict[str, float | None] | None = None) -> list[str]:
    """How durations are spread; with ratios beside those that differ."""
    cells = []
    for name, value in spread.figures().items():
        ratio = ratios.get(name) if ratios else None
        beside = "" if ratio is None or ratio == 1.0 else f" (×{ratio:.3g})"
        cells.append(seconds_or_dash(value) + beside)
    return cells


def rates(figures: PointFigures) -> tuple[str, str, str, str]:
    """Asked, sent, answered, and the share of failures."""
    return (
        rate(figures.asked_rate),
        rate(figures.sent_rate),
        rate(figures.answered_rate),
        share(figures.error_share),
    )


def rate(per_second: float | None) -> str:
    """A rate, or a dash."""
    return "–" if per_second is None else rate_text(per_second)


def share(value: float | None) -> str:
    """A share in percent, or a dash."""
    return "–" if value is None else share_text(value)
