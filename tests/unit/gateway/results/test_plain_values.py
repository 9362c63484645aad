"""What kinds may put into rows and reports."""

from datetime import UTC, datetime
from enum import Enum
from typing import Any

import msgspec
import numpy as np
import pytest

from tensorfleet.gateway.results.plain_values import to_json_ready, to_json_text, to_plain

NOW = datetime(2026, 5, 1, tzinfo=UTC)


class Colour(Enum):
    RED = "red"


class Point(msgspec.Struct):
    x: float
    at: datetime


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (np.float64(1.5), 1.5),
        (np.int64(3), 3),
        (np.bool_(True), True),
        (np.array([[1.0, 2.0]]), [[1.0, 2.0]]),
        (np.str_("a"), "a"),
        ((1, (2,)), [1, [2]]),
        ({1: Colour.RED}, {"1": "red"}),
        (Point(x=1.0, at=NOW), {"x": 1.0, "at": NOW}),
        (2**70, 2**70),
    ],
)
def test_everything_becomes_plain(value: Any, plain: Any) -> None:
    found = to_plain(value)
    assert found == plain
    assert type(found) is type(plain)


def test_numbers_that_json_cannot_write_are_named() -> None:
    value = {"a": [float("nan"), -np.inf], "b": (float("inf"), 1.0)}
    assert to_json_ready(value) == {"a": ["NaN", "-Infinity"], "b": ["Infinity", 1.0]}
    assert to_json_text([float("nan")]) == '["NaN"]'


def test_what_is_no_value_is_refused() -> None:
    with pytest.raises(TypeError):
        to_plain(object())
