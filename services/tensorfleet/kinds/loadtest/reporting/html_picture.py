"""Pictures of load tests as parts of a page."""

from collections.abc import Sequence
from html import escape

from tensorfleet.kinds.loadtest.drawing import catalogue
from tensorfleet.kinds.loadtest.record import Document
from tensorfleet.kinds.loadtest.reporting import html_parts as html
from tensorfleet.kinds.loadtest.reporting.inline_svg import inline_svg
from tensorfleet.kinds.loadtest.reporting.subject import Choice
from tensorfleet.shared.errors import InvalidInput


def pictures(document: Document, names: Sequence[str]) -> str:
    """Several of one document; see `picture`."""
    return "".join(picture(name, [("", document)], Choice()) for name in names)


def picture(name: str, documents: list[tuple[str, Document]], choice: Choice) -> str:
    """A picture with its caption; nothing where there is nothing to draw."""
    try:
        drawing = catalogue.draw(name, documents, "svg", choice, is_text_kept=True)
    except InvalidInput:
        return ""
    caption = catalogue.PLOTS[name]
    drawn = inline_svg(drawing, name=name, title=escape(caption, quote=True))
    return html.element("figure", drawn + html.text("figcaption", caption))
