"""A point's seconds, when generators tell theirs at different times."""

from tensorfleet.kinds.loadtest.arrivals import Constant
from tensorfleet.kinds.loadtest.crew.messages import Done
from tensorfleet.kinds.loadtest.crew.point_in_progress import PointInProgress
from tensorfleet.kinds.loadtest.engine.part import SecondPart
from tensorfleet.kinds.loadtest.histogram import Histogram
from tensorfleet.kinds.loadtest.listener import LoadOrder
from tensorfleet.kinds.loadtest.record import Point, Second


class Heard:
    """Keeps what it hears."""

    def __init__(self) -> None:
        self.seconds: list[Second] = []

    def point_started(self, order: LoadOrder) -> None: ...

    def second(self, second: Second) -> None:
        self.seconds.append(second)

    def point_ended(self, point: Point) -> None: ...

    def note(self, text: str) -> None: ...

    @property
    def answered(self) -> list[int]:
        return [second.counts.answered for second in self.seconds]


def running(*names: str) -> tuple[PointInProgress, Heard]:
    heard = Heard()
    order = LoadOrder(label="x", arrivals=Constant(rate=1.0, duration_seconds=3.0), load=7)
    point = PointInProgress(order, list(names), heard, start_seconds=1.5, planned_seconds=3.0)
    return point, heard


def part(start: int, answered: int) -> SecondPart:
    times = Histogram()
    times.record([1_000_000] * answered)
    return SecondPart(
        start=start,
        scheduled=answered,
        sent=answered,
        late=0,
        held=0,
        answered=answered,
        errors={},
        statuses={},
        response=times.sparse(),
        service=times.sparse(),
    )


def done(answered: int, elapsed: int = 3, **notes: str) -> Done:
    times = Histogram()
    times.record([100_000] * answered)
    data = times.sparse()
    return Done(
        elapsed=elapsed * 1_000_000_000,
        cpu_share=0.5,
        notes=notes,
        response=data,
        service=data,
        lateness=data,
        server=b"",
        steps=[],
    )


def test_a_second_is_told_when_all_have_told_theirs() -> None:
    point, heard = running("a", "b")
    point.add_second("a", part(0, 1))
    point.add_second("a", part(1, 2))
    assert heard.answered == []
    point.add_second("b", part(0, 10))
    assert heard.answered == [11]
    point.add_second("b", part(1, 20))
    assert heard.answered == [11, 22]


def test_one_that_has_ended_is_not_waited_for() -> None:
    point, heard = running("a", "b")
    point.add_second("a", part(0, 1))
    point.add_second("b", part(0, 10))
    point.add_second("b", part(1, 20))
    point.add_end("a", done(1, elapsed=1, TIMEOUT="first"))
    assert heard.answered == [11, 20]
    point.add_second("b", part(2, 30))
    point.add_end("b", done(60, elapsed=3, TIMEOUT="second", RESET="b's"))
    ended = point.ended()
    assert heard.answered == [11, 20, 30]
    assert ended.seconds == tuple(heard.seconds)
    assert ended.is_valid
    assert (ended.load, ended.start_seconds, ended.duration_seconds) == (7, 1.5, 3.0)
    assert ended.counts.answered == Histogram.decode(ended.response).total == 61
    assert {note.code: note.message for note in ended.notes} == {
        "TIMEOUT": "first",
        "RESET": "b's",
    }
    assert [(g.name, g.sent) for g in ended.generators] == [("a", 1), ("b", 60)]


def test_one_that_is_lost_is_not_waited_for_and_makes_the_point_invalid() -> None:
    point, heard = running("a", "b")
    point.add_second("b", part(0, 10))
    point.add_second("b", part(1, 20))
    point.lose("a")
    point.add_end("b", done(30))
    assert heard.answered == [10, 20]
    ended = point.ended()
    assert not ended.is_valid
    assert ended.reasons[-1].code == "GENERATOR_LOST"
    assert "a was lost" in ended.reasons[-1].message


def test_a_point_whose_generators_are_all_lost_is_still_told() -> None:
    point, _ = running("a")
    point.lose("a")
    ended = point.ended()
    assert (ended.duration_seconds, ended.response, ended.steps) == (0.0, "", ())
    assert not ended.is_valid
