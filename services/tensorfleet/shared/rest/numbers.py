"""Numbers in JSON, which has no NaN and no infinities."""

import math
from typing import Literal

# A float, or the name of one that JSON cannot write.
Number = float | Literal["NaN", "Infinity", "-Infinity"]


def to_json_number(value: float) -> Number:
    """The value as JSON can carry it."""
    if math.isfinite(value):
        return value
    if math.isnan(value):
        return "NaN"
    return "Infinity" if value > 0 else "-Infinity"


def from_json_number(value: Number) -> float:
    """The value that `to_json_number` was given."""
    return float(value)
