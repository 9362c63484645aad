"""How long to wait before a part that died is started again: a rule without a clock."""

FIRST_DELAY_SECONDS = 0.5
LONGEST_DELAY_SECONDS = 10.0
# A part that lived this long was well: its next death begins the row anew.
STEADY_SECONDS = 60.0


def next_delay_seconds(last_delay_seconds: float, lived_seconds: float) -> float:
    """The wait before the next start.

    Args:
        last_delay_seconds: The wait before the life that just ended; zero when there was none.
        lived_seconds: How long that life was, its start included.
    """
    if last_delay_seconds <= 0 or lived_seconds >= STEADY_SECONDS:
        return FIRST_DELAY_SECONDS
    return min(last_delay_seconds * 2, LONGEST_DELAY_SECONDS)
