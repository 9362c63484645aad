"""Handwritten digits as small pictures in a terminal, with what a model took them for."""

from collections.abc import Sequence

from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

Image = Sequence[Sequence[float]]

PICTURE_WIDTH = 8
GAP_WIDTH = 3
INK = 0.4  # from here on a dot counts as dark where there are no shades


def picture(image: Image, *, has_shades: bool) -> Text:
    """An image of values from 0 to 1; each character shows two rows of it."""
    text = Text()
    for upper, lower in zip(image[::2], image[1::2], strict=True):
        for top, bottom in zip(upper, lower, strict=True):
            if has_shades:
                text.append("▀", f"{_shade(top)} on {_shade(bottom)}")
            else:
                text.append(" ▄▀█"[2 * (top >= INK) + (bottom >= INK)])
        text.append("\n")
    text.rstrip()
    return text


def gallery(
    console: Console, images: Sequence[Image], truths: Sequence[int], guesses: Sequence[int]
) -> RenderableType:
    """As many pictures as fit in a line, each over the model's guess and, if wrong, the truth."""
    count = min(len(images), max(1, min(console.width, 120) // (PICTURE_WIDTH + GAP_WIDTH)))
    has_shades = console.color_system in ("256", "truecolor")
    grid = Table.grid(padding=(0, GAP_WIDTH, 0, 0))
    grid.add_row(*(picture(image, has_shades=has_shades) for image in images[:count]))
    shown = zip(truths[:count], guesses[:count], strict=True)
    grid.add_row(*(_caption(truth, guess) for truth, guess in shown))
    return grid


def _caption(truth: int, guess: int) -> Text:
    if truth == guess:
        return Text.assemble((f"{guess} ✔", "green"))
    return Text.assemble((f"{guess} ✖", "red"), (f" is {truth}", "dim"))


def _shade(value: float) -> str:
    level = round(255 * max(0.0, min(1.0, value)))
    return f"rgb({level},{level},{level})"
