"""Names that users give to datasets, models, jobs and workers."""

import re

from tensorfleet.shared.errors import FieldError, InvalidName

MAX_LENGTH = 128

_PATTERN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")


def check_name(name: str, field: str) -> str:
    """The name itself.

    Raises:
        InvalidName: It has other characters than letters, digits, ".", "_" and "-", does not begin
            with a letter or digit, or is longer than 128 characters.
    """
    if _PATTERN.fullmatch(name):
        return name
    message = (
        f"{field} {name[:160]!r} is not allowed: use 1 to {MAX_LENGTH} letters, digits, "
        '".", "_" or "-", and begin with a letter or digit'
    )
    raise InvalidName(message, (FieldError(field=field, message=message),))
