"""What is wrong with a job's retry rules beyond their shape."""

from collections.abc import Mapping
from typing import Any

from tensorfleet.shared.errors import FieldError


def retry_problems(document: Mapping[Any, Any]) -> list[FieldError]:
    """Wrong waits, where they have the right shape."""
    found: list[FieldError] = []
    first, longest = document.get("initial_backoff_seconds"), document.get("max_backoff_seconds")
    if isinstance(first, int | float) and isinstance(longest, int | float) and first > longest:
        message = f"must be at most max_backoff_seconds, which is {longest:g}"
        found.append(FieldError(field="initial_backoff_seconds", message=message))
    return found
