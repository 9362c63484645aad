"""Numbers and states in words that fit a narrow column."""

import math
from datetime import UTC, datetime

from rich.text import Text

# Of jobs, tasks, attempts, workers and health: one colour for one meaning.
_STYLES = {
    "succeeded": "green",
    "healthy": "green",
    "online": "green",
    "ready": "green",
    "production": "green",
    "running": "cyan",
    "starting": "cyan",
    "queued": "yellow",
    "pending": "yellow",
    "paused": "yellow",
    "degraded": "yellow",
    "draining": "yellow",
    "restarting": "yellow",
    "lost": "yellow",
    "preempted": "yellow",
    "cancelled": "magenta",
    "failed": "red",
    "down": "red",
    "offline": "red",
    "quarantined": "magenta",
}

_UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")


def state_text(state: str) -> Text:
    """A state in its colour."""
    return Text(state, _STYLES.get(state, ""))


def duration(seconds: float) -> str:
    """ "840 ms", "7.2 s", "3:05", "2:03:05", "4 d 2 h"."""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, whole_seconds = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours >= 48:
        days, hours = divmod(hours, 24)
        return f"{days} d {hours} h"
    if hours:
        return f"{hours}:{minutes:02}:{whole_seconds:02}"
    return f"{minutes}:{whole_seconds:02}"


def ago(time: datetime | None, now: datetime | None = None) -> str:
    """How long ago something was: "12 s ago"; empty when it was not."""
    if time is None:
        return ""
    seconds = max(0.0, ((now or datetime.now(UTC)) - time).total_seconds())
    for unit_seconds, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= unit_seconds:
            return f"{int(seconds // unit_seconds)} {unit} ago"
    return f"{int(seconds)} s ago"


def until(time: datetime | None, now: datetime | None = None) -> str:
    """How soon something will be: "in 3 min"; "now" when it is due, empty when nobody knows."""
    if time is None:
        return ""
    seconds = (time - (now or datetime.now(UTC))).total_seconds()
    if seconds < 1:
        return "now"
    for unit_seconds, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= unit_seconds:
            return f"in {round(seconds / unit_seconds)} {unit}"
    return f"in {round(seconds)} s"


def between(start: datetime | None, end: datetime | None, now: datetime | None = None) -> str:
    """How long something took, or takes so far; empty when it has not begun."""
    if start is None:
        return ""
    return duration(max(0.0, ((end or now or datetime.now(UTC)) - start).total_seconds()))


def clock_time(time: datetime | None) -> str:
    """A moment in the reader's own time zone; empty when it has not come."""
    return time.astimezone().strftime("%Y-%m-%d %H:%M:%S") if time else ""


def size(count_bytes: float) -> str:
    """ "12 B", "1.5 MiB"."""
    unit = 0
    while count_bytes >= 1024 and unit < len(_UNITS) - 1:
        count_bytes /= 1024
        unit += 1
    return f"{count_bytes:.0f} {_UNITS[unit]}" if unit == 0 else f"{count_bytes:.1f} {_UNITS[unit]}"


def number(value: float) -> str:
    """A measured value in few characters: "0.9754", "1.2e-05", "NaN"."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    if value == int(value) and abs(value) < 1e6:
        return str(int(value))
    return f"{value:.4g}"


def call_time(seconds: float) -> str:
    """How long a call takes, to three digits: "85.2 ns", "1.24 ms", "3.5 s"."""
    for factor, unit in ((1e9, "ns"), (1e6, "µs"), (1e3, "ms")):
        if seconds * factor < 999.5:
            return f"{seconds * factor:.3g} {unit}"
    return f"{seconds:.3g} s" if seconds < 100 else duration(seconds)
