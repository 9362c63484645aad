"""Comparisons of functions as users hand them in, measured by real processes."""

from pathlib import Path

import pytest

from tensorfleet.kinds.profile.algorithms.algorithm import Algorithm
from tensorfleet.kinds.profile.measurement import Comparison, Measuring, PairCell
from tensorfleet.kinds.profile.measuring.conductor import Conductor, Subject
from tensorfleet.kinds.profile.measuring.lane_process import LaneFailed
from tensorfleet.kinds.profile.measuring.machine import describe_machine
from tensorfleet.kinds.profile.measuring.pair import measure_pair

SUBJECTS = Path(__file__).parent / "subjects"
QUICK = Measuring(processes=4, values=3, value_seconds=0.002, call_seconds=5.0)


def subject(function: str, generator: str = "strange:numbers") -> Subject:
    algorithm = Algorithm(
        name=function, function=f"strange:{function}", inputs={"numbers": generator}
    )
    return Subject(algorithm=algorithm, code_folder=SUBJECTS, input="", seed=1)


def compare(
    a: Subject, b: Subject, sizes: tuple[int, ...] = (500,), *, check_outputs: bool = True
) -> Comparison:
    return measure_pair(
        Conductor(measuring=QUICK),
        a,
        b,
        sizes,
        describe_machine("w"),
        codes=("", ""),
        check_outputs=check_outputs,
        tell=lambda _done, _total: None,
    )


def only_cell(comparison: Comparison) -> PairCell:
    (cell,) = comparison.cells
    return cell


def test_every_round_has_both_and_the_first_once_more() -> None:
    comparison = compare(subject("total"), subject("right_total"), (100, 1000))
    for cell in comparison.cells:
        assert cell.error is None
        for side in (cell.a, cell.b, cell.again):
            assert [len(values) for values in side] == [3, 3, 3, 3]
        assert min(map(min, cell.b)) > min(map(min, cell.a))
        assert cell.usage_a is not None
        assert (
            cell.usage_a.calls == 2 * 12 * cell.loops_a or cell.usage_a.calls == 12 * cell.loops_a
        )


def test_different_answers_are_not_compared() -> None:
    cell = only_cell(compare(subject("total"), subject("wrong_total")))
    assert cell.error is not None
    assert cell.error.code == "DIFFERENT_OUTPUTS"
    assert cell.a == ()
    unchecked = compare(subject("total"), subject("wrong_total"), check_outputs=False)
    assert only_cell(unchecked).error is None


def test_different_inputs_are_not_compared() -> None:
    other = subject("total", "strange:too_much")
    cell = only_cell(compare(subject("total"), other))
    assert cell.error is not None
    assert cell.error.code == "DIFFERENT_INPUTS"


def test_trouble_names_the_function_that_has_it() -> None:
    cell = only_cell(compare(subject("total"), subject("raising")))
    assert cell.error is not None
    assert cell.error.message.startswith("raising: it raised ValueError")


def test_what_cannot_be_imported_is_named() -> None:
    with pytest.raises(LaneFailed, match="missing"):
        compare(subject("total"), subject("missing"))
