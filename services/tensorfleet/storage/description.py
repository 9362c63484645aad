"""Descriptions that people give to datasets and models."""

from tensorfleet.shared.errors import FieldError, InvalidInput

MAX_LENGTH = 10_000


def check_description(description: str) -> str:
    """The description itself; empty means "leave the old one".

    Raises:
        InvalidInput: It is too long.
    """
    if len(description) <= MAX_LENGTH:
        return description
    message = f"description has {len(description)} characters, at most {MAX_LENGTH} are allowed"
    raise InvalidInput(message, (FieldError(field="description", message=message),))
