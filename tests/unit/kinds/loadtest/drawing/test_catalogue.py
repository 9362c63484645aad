"""Pictures of load tests."""

import struct
import xml.etree.ElementTree as ET

import pytest
from msgspec.structs import replace

from tensorfleet.kinds.loadtest.arrivals import Ramp
from tensorfleet.kinds.loadtest.drawing.catalogue import PLOTS, draw
from tensorfleet.kinds.loadtest.record import Breaking, Document, Second
from tensorfleet.kinds.loadtest.reporting.subject import Choice
from tensorfleet.shared.errors import InvalidInput
from tests.unit.kinds.loadtest.documents_by_hand import document, point, watched

WHOLE = document(is_full=True)
ONE = [("", WHOLE)]
THREE = [("old-db", WHOLE), ("new-db", document(factor=0.5, is_full=True)), ("c", WHOLE)]
ALL = Choice()


def texts(name: str, documents: list[tuple[str, Document]], **options: str) -> set[str]:
    """What a reader can read in a picture."""
    picture = draw(name, documents, "svg", Choice.parse(options), is_text_kept=True)
    root = ET.fromstring(picture)  # noqa: S314 - made here
    return {"".join(element.itertext()).strip() for element in root.iter() if _is_text(element)}


def _is_text(element: ET.Element) -> bool:
    return element.tag.endswith("}text")


@pytest.mark.parametrize("name", PLOTS)
def test_pictures_are_of_their_format_and_equal_for_equal_documents(name: str) -> None:
    png = draw(name, ONE, "png", ALL)
    assert png.startswith(b"\x89PNG\r\n")
    width, height = struct.unpack(">II", png[16:24])
    assert width == 1260
    assert 500 < height < 1300
    svg = draw(name, ONE, "svg", ALL)
    assert ET.fromstring(svg).tag.endswith("svg")  # noqa: S314 - made here
    assert b"dc:date" not in svg
    assert svg == draw(name, ONE, "svg", ALL)


@pytest.mark.parametrize("name", sorted(PLOTS.keys() - {"evidence"}))
def test_several_load_tests_are_drawn_with_their_aliases(name: str) -> None:
    told = " ".join(texts(name, THREE))
    assert "old-db" in told
    assert "new-db" in told


def test_spectrum_names_the_percentiles_and_the_bound() -> None:
    told = texts("percentiles", ONE)
    assert {"50", "99", "99.9", "99.999", "max", "100/s", "300/s", "p99<200ms"} <= told
    told = texts("percentiles", ONE, points="200/s")
    assert {"response time", "service time (without waiting)"} <= told
    assert "300/s" not in told


def test_latency_shows_what_failed_only_where_something_did() -> None:
    assert "TIMEOUT" in texts("latency", ONE)
    told = texts("latency", ONE, points="100/s")
    assert "TIMEOUT" not in told
    assert "nothing failed" in told


def test_load_marks_the_search_and_invalid_points() -> None:
    assert {"knee 230/s", "most 200/s", "p99<200ms"} <= texts("load", ONE)
    broken = document(point(100.0), point(300.0, is_valid=False, median=0.2))
    assert "INVALID: the generator was the limit" in texts("load", [("", broken)])


def test_load_of_a_single_changing_rate_is_drawn_by_its_seconds() -> None:
    one = point(100.0)
    seconds = tuple(
        replace(second, counts=replace(second.counts, scheduled=10 * (1 + second.start)))
        for second in one.seconds
    )
    ramp = Ramp(from_rate=10.0, to_rate=100.0, duration_seconds=10.0)
    changing = replace(one, rate=None, arrivals=ramp, seconds=seconds)
    told = texts("load", [("", document(changing))])
    assert "rate that was asked for, per second (each second a dot)" in told


def test_load_parameters_have_their_own_axis() -> None:
    runs = [point(2.0, load=load, median=0.01 * load, start=10.0 * load) for load in (1, 2, 3)]
    assert "load parameter" in texts("load", [("", document(*runs))])


def test_sent_marks_late_requests() -> None:
    assert "sent late (the generator's fault)" not in texts("sent", ONE)
    late = document(point(is_valid=False))
    assert "sent late (the generator's fault)" in texts("sent", [("", late)])


def test_evidence_is_of_the_resource_that_broke_first() -> None:
    told = texts("evidence", ONE)
    assert {"CPU of db", "limit", "used up from 20.0 s on", "response time p99"} <= told


@pytest.mark.parametrize("resource", ["core", "memory", "disk", "network", "load"])
def test_evidence_can_be_of_any_resource(resource: str) -> None:
    assert WHOLE.bottleneck is not None
    breaking = Breaking(alias="db", resource=resource, at=3.0, value=0.9, limit=0.5)
    made = replace(WHOLE, bottleneck=replace(WHOLE.bottleneck, first=breaking))
    assert "limit" in texts("evidence", [("", made)])


def test_machines_are_told_apart_by_alias_and_host() -> None:
    made = replace(WHOLE, watched=(watched("db"), watched("web", seed=2)))
    assert {"db (127.0.0.1)", "web (127.0.0.1)"} <= texts("machines", [("", made)])
    assert {"old-db: db", "new-db: db"} <= texts("machines", THREE)


def test_names_of_users_are_text_and_no_formulas() -> None:
    odd = document(
        point(label="$x_1$ <b>"), point(300.0, label="_hidden"), point(9.0, label="q" * 99)
    )
    told = texts("percentiles", [("", odd)])
    assert "$x_1$ <b>" in told
    assert "_hidden" in told
    assert f"{'q' * 39}…" in told


@pytest.mark.parametrize("name", ["percentiles", "latency", "load", "violin", "sent"])
def test_a_single_answer_or_second_can_be_drawn(name: str) -> None:
    assert draw(name, [("", document(point(1.0, seconds=1)))], "png", ALL)


def test_many_points_leave_room_and_say_what_is_missing() -> None:
    many = [point(10.0 + n, seconds=2, start=3.0 * n, seed=n) for n in range(20)]
    for name in ("percentiles", "violin"):
        assert any("8 more not shown" in text for text in texts(name, [("", document(*many))]))
    assert draw("latency", [("", document(*many))], "png", ALL)


def test_seconds_without_answers_are_gaps() -> None:
    one = point()
    silent = replace(one, seconds=(*one.seconds, Second(start=10), Second(start=11)))
    for name in ("latency", "sent"):
        assert draw(name, [("", document(silent))], "png", ALL)


@pytest.mark.parametrize(
    ("name", "made", "message"),
    [
        *((name, Document(started_at=""), "nothing to show") for name in PLOTS),
        ("machines", document(), "no machine was watched"),
        ("evidence", document(), "no watched resource was used up"),
        ("latency", document(replace(point(), seconds=())), "no second"),
        ("sent", document(replace(point(), seconds=())), "no second"),
        ("percentiles", document(replace(point(), response="")), "no point has an answer"),
        ("violin", document(replace(point(), response="")), "no point has an answer"),
        ("load", document(replace(point(), response="", seconds=())), "has an answer"),
        ("lateness", document(replace(point(), lateness="")), "no point kept how late"),
    ],
)
def test_empty_data_is_an_error_that_says_why(name: str, made: Document, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        draw(name, [("", made)], "png", ALL)


def test_evidence_of_several_is_refused_and_so_are_other_formats() -> None:
    with pytest.raises(InvalidInput, match="of one load test"):
        draw("evidence", THREE, "png", ALL)
    with pytest.raises(InvalidInput, match="png or svg"):
        draw("load", ONE, "pdf", ALL)
