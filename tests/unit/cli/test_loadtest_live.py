"""What is shown while a load test runs."""

import io

from msgspec.structs import replace
from rich.console import Console

from tensorfleet.cli.loadtest_live import LivePanel, showing
from tensorfleet.kinds.loadtest.listener import Listener, LoadOrder
from tensorfleet.kinds.loadtest.record import Point
from tests.unit.kinds.loadtest.documents_by_hand import point

LONG = point(failed=3, seconds=25)


def play(listener: Listener, made: Point, *, seconds: int | None = None) -> None:
    """Tells of a point as a runner does."""
    listener.point_started(LoadOrder(label=made.label, arrivals=made.arrivals, phase=made.phase))
    for second in made.seconds[:seconds]:
        listener.second(second)


def console(*, is_terminal: bool) -> Console:
    return Console(
        file=io.StringIO(), force_terminal=is_terminal, width=110, color_system=None, markup=False
    )


def told(shown: Console) -> str:
    assert isinstance(shown.file, io.StringIO)
    return shown.file.getvalue()


def test_lines_tell_of_points_long_seconds_and_notes() -> None:
    shown = console(is_terminal=False)
    with showing(shown) as listener:
        play(listener, LONG)
        listener.point_ended(LONG)
        listener.note("next: [400/s]")
        play(listener, broken := point(is_valid=False, seconds=1))
        listener.point_ended(replace(broken, interrupted=True))
    lines = told(shown).splitlines()
    assert lines[0] == "200/s (run): 200/s, evenly, for 25 s"
    assert [line.split(":")[0].strip() for line in lines[1:3]] == ["10 s", "20 s"]
    assert "answered 197/s p50" in lines[1]
    assert "failed 60" in lines[2]
    assert lines[3].startswith("✔ 200/s  answered 197/s  p50")
    assert "errors 1.5 %" in lines[3]
    assert lines[4] == "next: [400/s]"
    assert "INVALID: GENERATOR_LATE" in lines[6]
    assert "interrupted" in lines[6]


def test_panel_shows_how_far_and_how_well_it_goes() -> None:
    shown = console(is_terminal=True)
    panel = LivePanel(shown)
    shown.print(panel)
    assert "between points" in told(shown)
    play(panel, LONG, seconds=12)
    shown.print(panel)
    text = told(shown)
    assert "12.0 s of 25.0 s" in text
    for word in ("asked", "sent", "answered", "p50", "p99", "max", "failed", "sent late"):
        assert word in text
    assert "36" in text
    assert "TIMEOUT 36" in text
    assert "▁" in text or "█" in text


def test_live_view_leaves_the_points_and_notes_behind() -> None:
    shown = console(is_terminal=True)
    with showing(shown) as listener:
        play(listener, LONG, seconds=2)
        listener.note("searching")
        listener.point_ended(LONG)
    assert "• searching" in told(shown)
    assert "✔ 200/s" in told(shown)
