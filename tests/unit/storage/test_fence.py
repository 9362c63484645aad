"""Fencing tokens."""

import pytest

from tensorfleet.shared.errors import InvalidInput
from tensorfleet.shared.ids import TaskId
from tensorfleet.storage.fence import FencingToken, check_id, check_token, lease_lost


def test_token_of_a_task_and_attempt() -> None:
    assert check_token("t", 3) == FencingToken(task_id=TaskId("t"), attempt=3)


@pytest.mark.parametrize(
    ("task_id", "attempt", "field"), [("", 1, "task_id"), ("t", 0, "attempt"), ("t", -1, "attempt")]
)
def test_bad_token_is_refused(task_id: str, attempt: int, field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        check_token(task_id, attempt)
    assert [error.field for error in caught.value.fields] == [field]


def test_overlong_id_is_refused() -> None:
    assert check_id("x" * 256, "f") == "x" * 256
    with pytest.raises(InvalidInput, match="f must have"):
        check_id("x" * 257, "f")


def test_message_says_what_to_do() -> None:
    token = FencingToken(task_id=TaskId("t"), attempt=1)
    assert str(lease_lost(token, 2)) == (
        "attempt 1 of task t was replaced by attempt 2; stop this process"
    )
