"""Waits between restarts."""

from tensorfleet.local.restart_delay import next_delay_seconds


def test_waits_double_up_to_ten_seconds_while_lives_are_short() -> None:
    delays, delay = [], 0.0
    for _ in range(7):
        delay = next_delay_seconds(delay, lived_seconds=1.0)
        delays.append(delay)
    assert delays == [0.5, 1.0, 2.0, 4.0, 8.0, 10.0, 10.0]


def test_a_minute_of_life_begins_the_row_anew() -> None:
    assert next_delay_seconds(10.0, lived_seconds=59.9) == 10.0
    assert next_delay_seconds(10.0, lived_seconds=60.0) == 0.5
