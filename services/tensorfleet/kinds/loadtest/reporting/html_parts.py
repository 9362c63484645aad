"""Pieces of HTML, with every text escaped."""

from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

from tensorfleet.kinds.drawing.quantities import seconds_text
from tensorfleet.kinds.loadtest.reporting.html_style import STYLE


def element(tag: str, content: str = "", css: str = "") -> str:
    """An element around content that is HTML already."""
    attributes = f' class="{escape(css)}"' if css else ""
    return f"<{tag}{attributes}>{content}</{tag}>"


def text(tag: str, content: Any, css: str = "") -> str:
    """An element around a text, which is escaped."""
    return element(tag, escape(str(content)), css)


def section(title: str, *parts: str) -> str:
    """A headline and what is below it; nothing where there is nothing."""
    body = "".join(part for part in parts if part)
    return element("section", text("h2", title) + body) if body else ""


def bullets(items: Iterable[str], css: str = "") -> str:
    """A list of texts; nothing without any."""
    listed = "".join(text("li", item) for item in items)
    return element("ul", listed, css) if listed else ""


def table(headers: Sequence[str], rows: Sequence[tuple[str, Sequence[Any]]]) -> str:
    """A table of texts.

    Args:
        rows: Each with the class of its row, which may be empty, and its cells.
    """
    if not rows:
        return ""
    head = element("tr", "".join(text("th", header) for header in headers))
    body = "".join(
        element("tr", "".join(text("td", "" if cell is None else cell) for cell in cells), css)
        for css, cells in rows
    )
    return element("div", element("table", element("thead", head) + element("tbody", body)), "wide")


def facts(pairs: Iterable[tuple[str, str]]) -> str:
    """Names with values in large letters, without those that are empty."""
    shown = "".join(
        element("div", text("dt", name) + text("dd", value)) for name, value in pairs if value
    )
    return element("dl", shown, "facts") if shown else ""


def seconds_or_dash(seconds: float | None) -> str:
    """A time with its unit, or a dash for what was not measured."""
    return "–" if seconds is None else seconds_text(seconds)


def page(title: str, body: str) -> str:
    """A whole page; browsers load nothing from elsewhere for it."""
    # The policy makes browsers refuse whatever would come from elsewhere.
    policy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"{text('title', title)}<style>{STYLE}</style></head><body>{body}</body></html>\n"
    )
