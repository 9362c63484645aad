"""Load tests side by side."""

import pytest
from msgspec.structs import replace

from tensorfleet.kinds.loadtest.record import Document
from tensorfleet.kinds.loadtest.reporting.comparison import Comparison, compare
from tensorfleet.kinds.loadtest.reporting.subject import Choice, subjects
from tensorfleet.shared.errors import InvalidInput
from tests.unit.kinds.loadtest.documents_by_hand import document, point


def compared(*documents: tuple[str, Document], **options: str) -> Comparison:
    return compare(subjects(documents, Choice.parse(options)))


def test_equal_loads_are_side_by_side_with_ratios_over_the_first() -> None:
    slow = document(factor=2.0)
    found = compared(("old", document()), ("new", slow))
    assert [level.label for level in found.levels] == ["100/s", "200/s", "300/s"]
    first, second = found.levels[0].entries
    assert (first.alias, second.alias) == ("old", "new")
    assert set(first.ratios.values()) == {1.0}
    for name in ("mean", "min", "max", "p50", "p99", "p99.999"):
        assert second.ratios[name] == pytest.approx(2.0, rel=0.01)


def test_only_the_load_that_is_asked_for_is_compared() -> None:
    runs = [point(5.0, load=load, start=10.0 * load) for load in (14, 15, 16)]
    found = compared(("a", document(*runs)), ("b", document(*runs)), load="15")
    assert [level.label for level in found.levels] == ["load 15 at 5/s"]
    found = compared(("a", document()), ("b", document()), rate="200.5")
    assert [level.label for level in found.levels] == ["200/s"]


def test_final_points_count_more_than_plain_ones_and_later_ones_more() -> None:
    plain = point(200.0, median=0.5, start=30)
    early = point(200.0, phase="final", median=0.3, start=10)
    late = point(200.0, phase="final", median=0.1, start=20)
    found = compared(("a", document(plain, late, early)), ("b", document(late)))
    assert found.levels[0].entries[0].figures.point == late


def test_rates_within_a_percent_are_the_same() -> None:
    found = compared(
        ("a", document(point(200.0, label="a"))), ("b", document(point(201.0, label="b")))
    )
    assert len(found.levels[0].entries) == 2


def test_load_that_one_lacks_names_it() -> None:
    a, b, c = document(), document(), document(point(300.0))
    found = compared(("a", a), ("b", b), ("c", c))
    assert [level.missing for level in found.levels] == [("c",), ("c",), ()]


def test_invalid_points_stay_marked() -> None:
    found = compared(("a", document(point())), ("b", document(point(is_valid=False))))
    told = found.to_json()["levels"][0]["entries"]
    assert [entry["is_valid"] for entry in told] == [True, False]


def test_ratios_of_what_was_not_measured_are_unknown() -> None:
    empty = replace(point(), response="")
    found = compared(("a", document(empty)), ("b", document(point())))
    assert set(found.levels[0].entries[1].ratios.values()) == {None}


@pytest.mark.parametrize(
    ("documents", "options", "message"),
    [
        ([("a", document())], {}, "needs two"),
        ([("a", document()), ("a", document())], {}, "two load tests are called 'a'"),
        (
            [("a", document(point(100.0))), ("b", document(point(200.0)))],
            {},
            "no load in common: a: 100/s; b: 200/s",
        ),
        ([("a", document()), ("b", document())], {"load": "15"}, "a: no point fits; there are"),
        ([("a", document()), ("b", document())], {"load": "x"}, "whole number"),
        ([("a", document()), ("b", document())], {"rate": "-1"}, "above 0"),
        ([("a", document()), ("b", document())], {"rate": "nan"}, "above 0"),
        ([("a", document()), ("b", document())], {"phase": "x"}, "one of run, search, final"),
        ([("a", document()), ("b", document())], {"colour": "x"}, "colour is unknown"),
        ([("a", document()), ("b", Document(started_at=""))], {}, "b: there is nothing to show"),
    ],
)
def test_what_cannot_be_compared_is_refused(
    documents: list[tuple[str, Document]], options: dict[str, str], message: str
) -> None:
    with pytest.raises(InvalidInput, match=message):
        compared(*documents, **options)
