"""Several documents as one HTML page."""

from collections.abc import Sequence

from tensorfleet.kinds.loadtest.record import Document
from tensorfleet.kinds.loadtest.reporting import html_cells as cells
from tensorfleet.kinds.loadtest.reporting import html_parts as html
from tensorfleet.kinds.loadtest.reporting.comparison import Comparison
from tensorfleet.kinds.loadtest.reporting.html_picture import picture
from tensorfleet.kinds.loadtest.reporting.subject import Choice


def html_comparison(
    comparison: Comparison, documents: Sequence[tuple[str, Document]], choice: Choice
) -> str:
    """Several load tests side by side."""
    body = [html.text("h1", "Load tests compared"), html.text("p", " · ".join(comparison.aliases))]
    for level in comparison.levels:
        rows = [
            (
                "" if entry.figures.point.is_valid else "bad",
                (
                    entry.alias + ("" if entry.figures.point.is_valid else " INVALID"),
                    *cells.rates(entry.figures)[2:],
                    *cells.times(entry.figures.response, entry.ratios),
                ),
            )
            for entry in level.entries
        ]
        missing = f"not measured here: {', '.join(level.missing)}" if level.missing else ""
        headers = ("", "answered", "errors", *cells.TIMES)
        body.append(
            html.section(
                level.label, html.table(headers, rows), html.text("p", missing) if missing else ""
            )
        )
    pictures = [
        picture(name, list(documents), choice)
        for name in ("violin", "percentiles", "load", "latency", "machines")
    ]
    body.append(html.section("Pictures", *pictures))
    return html.page("Load tests compared", "".join(body))
