"""Arguments as new for every call."""

from typing import Any

import numpy as np
import pytest

from tensorfleet.kinds.profile.measuring.fresh_arguments import copier_of


@pytest.mark.parametrize(
    "value",
    [
        [3, 1, 2],
        [1.5, "a", None, b"x", True],
        [[1, 2], [3]],
        {"a": [1]},
        {1, 2},
        (1, [2, 3]),
        np.arange(6.0).reshape(2, 3),
        np.array([[1], "x"], dtype=object),
        bytearray(b"abc"),
    ],
    ids=repr,
)
def test_copies_are_equal_and_share_nothing_that_can_change(value: Any) -> None:
    before = repr(value)
    copy = copier_of((value,))
    (first,), (second,) = copy(), copy()
    assert repr(first) == repr(second) == before
    assert first is not value
    assert first is not second
    _spoil(first)
    assert repr(second) == before
    assert repr(value) == before
    (third,) = copy()
    assert repr(third) == before


def _spoil(value: Any) -> None:
    match value:
        case list():
            if isinstance(value[0], list):
                value[0].append(99)
            value.reverse()
            value.append(99)
        case dict():
            value["a"].append(99)
        case set():
            value.add(99)
        case tuple():
            value[1].append(99)
        case np.ndarray():
            if isinstance(value.flat[0], list):
                value.flat[0].append(99)
            else:
                value[:] = 99
        case bytearray():
            value[:] = b""


def test_what_nobody_can_change_is_not_copied() -> None:
    text = "x" * 1000
    number, same = copier_of((7, text))()
    assert number == 7
    assert same is text


def test_what_cannot_be_copied_is_said_to_be() -> None:
    with pytest.raises(TypeError, match="type generator cannot be copied"):
        copier_of(((n for n in range(3)),))
