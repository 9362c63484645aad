"""What the target app computes."""

import json
import random

import pytest

from tensorfleet.kinds.loadtest.cases import target_work
from tensorfleet.shared.errors import InvalidInput


def test_fibonacci_numbers_are_right() -> None:
    assert [target_work.fibonacci(n) for n in range(10)] == [0, 1, 1, 2, 3, 5, 8, 13, 21, 34]


def test_bubble_sort_sorts() -> None:
    values = random.Random(1).choices(range(50), k=100)  # noqa: S311
    expected = sorted(values)
    target_work.bubble_sort(values)
    assert values == expected


def test_answer_tells_the_result_and_takes_time() -> None:
    body, seconds = target_work.compute("fibonacci", "12")
    assert json.loads(body) == {"fibonacci": 12, "answer": 144}
    assert seconds > 0
    body, _ = target_work.compute("bubble-sort", "3")
    assert json.loads(body) == {"bubble-sort": 3, "answer": 1}


@pytest.mark.parametrize(
    "argument", ["", "-1", "37", "1.5", "1_0", "٣", "nan", "9" * 5000, "00001"]
)
def test_argument_out_of_range_is_refused(argument: str) -> None:
    with pytest.raises(InvalidInput, match="from 0 to 36"):
        target_work.compute("fibonacci", argument)


@pytest.mark.parametrize("argument", ["", "-1", "nan", "inf", "1e9", "soon"])
def test_duration_out_of_range_is_refused(argument: str) -> None:
    with pytest.raises(InvalidInput, match="milliseconds"):
        target_work.milliseconds(argument)
