"""Fencing: which attempt of a task may still write."""

from dataclasses import dataclass

from tensorfleet.shared.errors import FieldError, InvalidInput, LeaseLost
from tensorfleet.shared.ids import TaskId

MAX_ID_LENGTH = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class FencingToken:
    """An attempt's right to write for its task, void once a higher attempt has shown up."""

    task_id: TaskId
    attempt: int


def check_token(task_id: str, attempt: int) -> FencingToken:
    """The token.

    Raises:
        InvalidInput: No task, or an attempt below 1.
    """
    check_id(task_id, "task_id")
    if attempt < 1:
        message = f"attempt must be at least 1, not {attempt}"
        raise InvalidInput(message, (FieldError(field="attempt", message=message),))
    return FencingToken(task_id=TaskId(task_id), attempt=attempt)


def check_id(value: str, field: str) -> str:
    """The id itself.

    Raises:
        InvalidInput: It is empty, or longer than any id is.
    """
    if 1 <= len(value) <= MAX_ID_LENGTH:
        return value
    message = f"{field} must have 1 to {MAX_ID_LENGTH} characters"
    raise InvalidInput(message, (FieldError(field=field, message=message),))


def lease_lost(token: FencingToken, current_attempt: int | None) -> LeaseLost:
    """The error for a void token."""
    by = "a later attempt" if current_attempt is None else f"attempt {current_attempt}"
    return LeaseLost(
        f"attempt {token.attempt} of task {token.task_id} was replaced by {by}; stop this process"
    )
