"""Figures as files."""

import io
from collections.abc import Callable
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

from tensorfleet.kinds.drawing.style import STYLE
from tensorfleet.shared.errors import InvalidInput


def picture_of(
    draw: Callable[[], Figure], file_format: str, *, is_text_kept: bool = False
) -> bytes:
    """What `draw` draws, in the common style. Equal figures give equal files.

    Args:
        file_format: "png" or "svg".
        is_text_kept: In SVG, letters stay text instead of becoming outlines: smaller, and the
            reader's own fonts.

    Raises:
        InvalidInput: It is another format.
    """
    if file_format not in ("png", "svg"):
        message = f"plots are made as png or svg, not as {file_format[:20]!r}"
        raise InvalidInput(message)
    fonts: Any = {"svg.fonttype": "none"} if is_text_kept else {}
    with mpl.rc_context({**STYLE, **fonts}):
        figure = draw()
        picture = io.BytesIO()
        # Neither dates nor versions: equal results are to give equal files.
        metadata = {"Software": None} if file_format == "png" else {"Date": None, "Creator": None}
        figure.savefig(picture, format=file_format, metadata=metadata)
    return picture.getvalue()
