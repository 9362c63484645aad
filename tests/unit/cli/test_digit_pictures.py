"""Digits drawn in a terminal."""

import io

from rich.console import Console

from tensorfleet.cli.digit_pictures import gallery, picture

RING = [[1.0 if 0 in (r, c) or 7 in (r, c) else 0.0 for c in range(8)] for r in range(8)]


def test_picture_without_shades_shows_the_ink() -> None:
    drawn = picture(RING, has_shades=False).plain.splitlines()
    assert drawn == ["█▀▀▀▀▀▀█", "█      █", "█      █", "█▄▄▄▄▄▄█"]


def test_gallery_fits_and_marks_what_was_told_wrong() -> None:
    for width, count in ((80, 7), (120, 10)):
        console = Console(file=io.StringIO(), width=width, color_system=None)
        console.print(gallery(console, [RING] * 20, [0] * 20, [0, 8] * 10))
        assert isinstance(console.file, io.StringIO)
        lines = console.file.getvalue().splitlines()
        assert max(map(len, lines)) <= width
        assert len(lines) == 5
        assert lines[-1].count("✔") + lines[-1].count("✖") == count
        assert "8 ✖ is 0" in lines[-1]
