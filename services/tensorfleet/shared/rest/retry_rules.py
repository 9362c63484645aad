"""What is wrong with a job's retry rules beyond their shape."""

import re
from collections.abc import Mapping
from typing import Any

from tensorfleet.shared.errors import FieldError
from tensorfleet.shared.rest.jobs import MAX_LOG_PATTERN_LENGTH, MAX_RETRY_RULES

# What Python's regular expressions have and RE2 does not, as it cannot be matched in linear time:
# looking around, going back to a group, conditions and atomic groups.
_NOT_IN_RE2 = re.compile(r"(?<!\\)(?:\\\\)*(?:\(\?(?:[=!>(]|<[=!]|P=)|\\[1-9])", re.ASCII)


def retry_problems(document: Mapping[Any, Any]) -> list[FieldError]:
    """Wrong patterns and waits, in those parts that have the right shape."""
    found: list[FieldError] = []
    rules = document.get("retry_rules")
    for index, rule in enumerate(rules[:MAX_RETRY_RULES] if isinstance(rules, list) else []):
        pattern = rule.get("log_pattern") if isinstance(rule, Mapping) else None
        if isinstance(pattern, str) and (problem := pattern_problem(pattern)):
            found.append(FieldError(field=f"retry_rules[{index}].log_pattern", message=problem))
    first, longest = document.get("initial_backoff_seconds"), document.get("max_backoff_seconds")
    if isinstance(first, int | float) and isinstance(longest, int | float) and first > longest:
        message = f"must be at most max_backoff_seconds, which is {longest:g}"
        found.append(FieldError(field="initial_backoff_seconds", message=message))
    return found


def pattern_problem(pattern: str) -> str | None:
    """Why a pattern is no regular expression that RE2 takes; None when it is one."""
    if len(pattern) > MAX_LOG_PATTERN_LENGTH:
        return None  # was told with the shape
    try:
        re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as exc:
        return f"is no regular expression: {exc}"
    if _NOT_IN_RE2.search(pattern):
        return "looks around or back to a group, which RE2 does not have"
    return None
