"""What a generator notes."""

from tensorfleet.kinds.loadtest.crew.merging import added
from tensorfleet.kinds.loadtest.engine.recorder import SECOND, Recorder

MILLISECOND = 1_000_000


def test_a_second_has_what_was_noted_in_it_and_the_next_begins_empty() -> None:
    recorder = Recorder(0, ())
    recorder.scheduled_by_second.update({0: 3, 1: 2})
    recorder.came_to(0)
    recorder.came_to(2 * MILLISECOND)
    recorder.sent_count += 2
    recorder.held_count += 1
    recorder.answered(0, 5 * MILLISECOND, 25 * MILLISECOND, 200)
    recorder.failed(0, 5 * MILLISECOND, 30 * MILLISECOND, "STATUS", 500)
    first = recorder.close_second()
    assert (first.start, first.scheduled, first.sent, first.late, first.held) == (0, 3, 2, 1, 1)
    assert (first.answered, first.errors) == (1, {"STATUS": 1})
    assert first.statuses == {"200": 1, "500": 1}
    assert added([first.response]).total == added([first.service]).total == 2
    assert added([first.response]).maximum == 0.030015487
    second = recorder.close_second()
    assert (second.start, second.scheduled, second.sent, second.errors) == (1, 2, 0, {})
    assert second.response == b""


def test_times_are_those_of_who_waited_and_of_nobody_else() -> None:
    recorder = Recorder(0, ())
    for code in ("TIMEOUT", "UNANSWERED", "CONNECT_TIMEOUT"):
        recorder.failed(0, 0, SECOND, code)
    for code in ("CONNECT_REFUSED", "OVERLOADED", "RESET", "TEMPLATE"):
        recorder.failed(0, 0, SECOND, code)
    recorder.not_begun(3)
    part = recorder.close_second()
    assert added([part.response]).total == 3
    assert added([part.service]).total == 0, "none of them was sent"
    assert sum(part.errors.values()) == 10


def test_the_point_is_the_sum_of_its_seconds() -> None:
    recorder = Recorder(0, ("log in", "look"))
    parts = []
    for second in range(3):
        for place in range(1000):
            recorder.came_to(place)
            recorder.step(0, place)
            if place % 2:
                recorder.step(1, 0, "CHECK")
                recorder.failed(0, 1, place, "CHECK", 200)
            else:
                recorder.step(1, place)
                recorder.span(place)
                recorder.answered(0, 1, place + second, 200)
        parts.append(recorder.close_second())
    totals = recorder.totals()
    assert totals.response == added(part.response for part in parts)
    assert totals.service == added(part.service for part in parts)
    assert totals.lateness.total == 3000
    assert totals.server.total == 1500
    log_in, look = totals.steps
    assert (log_in.answered, log_in.failed, log_in.service.total) == (3000, 0, 3000)
    assert (look.answered, look.failed, look.errors) == (1500, 1500, {"CHECK": 1500})
    assert look.service.total == 1500


def test_arrivals_of_seconds_that_were_told_already_count_in_the_next() -> None:
    recorder = Recorder(0, ())
    recorder.close_second()
    recorder.scheduled_by_second[0] += 5  # by a generator that is behind
    assert recorder.has_open_counts
    assert recorder.close_second().scheduled == 5
    assert not recorder.has_open_counts


def test_what_has_gathered_is_counted_before_there_is_much_of_it() -> None:
    recorder = Recorder(0, ())
    counts = 0
    for place in range(100_000):
        recorder.answered(0, 0, place, 200)
        if recorder.is_full():
            recorder.count()
            counts += 1
    assert 20 < counts < 400
    assert added([recorder.close_second().response]).total == 100_000


def test_seconds_end_a_whole_number_of_seconds_after_the_start() -> None:
    recorder = Recorder(500, ())
    assert recorder.next_second == 500 + SECOND
    recorder.close_second()
    assert recorder.next_second == 500 + 2 * SECOND
