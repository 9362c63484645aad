"""What counts as an algorithm's output, and when two outputs are the same."""

import math
import sys
from collections.abc import Iterator, Mapping, Sequence, Set
from numbers import Number
from types import GeneratorType
from typing import Any

Pairs = list[tuple[Any, Any]]


class NoOutput(Exception):
    """A function gave nothing that could be compared. The message says what it should do."""


def output_of(
    returned: Any, arguments_after: Sequence[Any], arguments_before: Sequence[Any]
) -> Any:
    """What a call gave: what it returned, or else the first argument that it changed.

    Args:
        arguments_after: What the function was called with, as it is now.
        arguments_before: An equal copy that the function has not seen.

    Raises:
        NoOutput: It returned None and changed nothing, or returned an iterator.
    """
    if isinstance(returned, Iterator | GeneratorType):
        raise NoOutput(
            "the function returned an iterator, whose work is not done yet: return a list"
        )
    if returned is not None:
        return returned
    for after, before in zip(arguments_after, arguments_before, strict=True):
        if not same(after, before):
            return after
    raise NoOutput(
        "the function returned nothing and changed none of its arguments: return the answer"
    )


def same(x: Any, y: Any, tolerance: float = 0.0) -> bool:
    """Whether two outputs are equal.

    Numbers may differ by `tolerance` times the larger of the two; in a list or array of numbers,
    times the largest of them. NaN equals NaN. Lists, tuples and arrays of the same numbers are
    equal, and so are ranges; sets and dicts have no order. Objects that do not define equality are
    equal when they are of one type and their attributes are.
    """
    pending: Pairs = [(x, y)]
    # Pairs that are being compared, so that data that contain themselves come to an end. The
    # values are held as well: an id may be given again only when its owner is gone.
    seen: dict[tuple[int, int], tuple[Any, Any]] = {}
    while pending:
        a, b = pending.pop()
        if a is b or (id(a), id(b)) in seen:
            continue
        parts = _parts(a, b, tolerance)
        if parts is None:
            return False
        if parts:
            seen[id(a), id(b)] = (a, b)
            pending.extend(parts)
    return True


def _parts(a: Any, b: Any, tolerance: float) -> Pairs | None:
    """What must be the same for these two to be; None when they are different."""
    a, b = _plain(a), _plain(b)
    if _is_array(a) or _is_array(b):
        return _array_parts(a, b, tolerance)
    if isinstance(a, Number) and isinstance(b, Number):
        return [] if _close(a, b, tolerance * _magnitude((a, b))) else None
    if isinstance(a, str | bytes | bytearray) or isinstance(b, str | bytes | bytearray):
        return [] if a == b else None
    if isinstance(a, Sequence) and isinstance(b, Sequence):
        return _sequence_parts(a, b, tolerance)
    if isinstance(a, Mapping) and isinstance(b, Mapping):
        if a.keys() != b.keys():
            return None
        return [(a[key], b[key]) for key in a]
    if isinstance(a, Set) and isinstance(b, Set):
        return _set_parts(a, b, tolerance)
    return _object_parts(a, b)


def _sequence_parts(a: Sequence[Any], b: Sequence[Any], tolerance: float) -> Pairs | None:
    if len(a) != len(b):
        return None
    if not all(isinstance(value, Number) for value in a):
        return list(zip(a, b, strict=True))
    if not all(isinstance(value, Number) for value in b):
        return None
    allowed = tolerance * max(_magnitude(a), _magnitude(b)) if tolerance else 0.0
    agree = all(_close(left, right, allowed) for left, right in zip(a, b, strict=True))
    return [] if agree else None


def _set_parts(a: Set[Any], b: Set[Any], tolerance: float) -> Pairs | None:
    if a == b:
        return []
    try:
        ordered_a, ordered_b = sorted(a), sorted(b)
    except TypeError:
        return None
    return _sequence_parts(ordered_a, ordered_b, tolerance) if tolerance else None


def _object_parts(a: Any, b: Any) -> Pairs | None:
    defines_equality = getattr(type(a), "__eq__", None) is not getattr(object, "__eq__", None)
    if type(a) is not type(b) or defines_equality:
        return [] if _equal(a, b) else None
    names = [
        name
        for cls in type(a).__mro__
        for name in _slots(cls)
        if hasattr(a, name) or hasattr(b, name)
    ]
    if not names and not hasattr(a, "__dict__"):
        return None
    missing = object()
    pairs = [(getattr(a, name, missing), getattr(b, name, missing)) for name in names]
    return [*pairs, (getattr(a, "__dict__", {}), getattr(b, "__dict__", {}))]


def _slots(cls: type) -> tuple[str, ...]:
    slots = cls.__dict__.get("__slots__", ())
    return (slots,) if isinstance(slots, str) else tuple(slots)


def _equal(a: Any, b: Any) -> bool:
    try:
        return bool(a == b)
    except (TypeError, ValueError):  # neither true nor false, or not comparable at all
        return False


def _close(a: Any, b: Any, allowed: float) -> bool:
    if a == b or (a != a and b != b):  # only NaN differs from itself
        return True
    if not allowed or math.isnan(allowed):
        return False
    difference: float = abs(a - b)
    return difference <= allowed and not math.isinf(difference)


def _magnitude(numbers: Sequence[Any]) -> float:
    """The largest finite size among some numbers."""
    largest = 0.0
    for number in numbers:
        try:
            size = float(abs(number))
        except OverflowError:
            size = sys.float_info.max
        if size > largest and size != math.inf:
            largest = size
    return largest


def _is_array(value: Any) -> bool:
    # A process that has not imported numpy has no array, and should not be made to.
    numpy = sys.modules.get("numpy")
    return numpy is not None and isinstance(value, numpy.ndarray)


def _plain(value: Any) -> Any:
    """Tensors and data frames as arrays; numbers of NumPy as Python's."""
    numpy = sys.modules.get("numpy")
    if numpy is None or isinstance(value, numpy.ndarray):
        return value
    if isinstance(value, numpy.generic):
        return value.item()
    if hasattr(type(value), "__array__"):
        return numpy.asarray(value)
    return value


def _array_parts(a: Any, b: Any, tolerance: float) -> Pairs | None:
    import numpy as np

    try:
        left, right = np.asarray(a), np.asarray(b)
    except ValueError:  # a ragged list
        return None
    if left.shape != right.shape:
        return None
    if left.dtype.kind not in "biufc" or right.dtype.kind not in "biufc":
        # Objects, texts, times: one by one.
        return list(zip(left.ravel().tolist(), right.ravel().tolist(), strict=True))
    if np.array_equal(left, right, equal_nan=True):
        return []
    if not tolerance:
        return None
    left, right = left.astype("complex128"), right.astype("complex128")
    sizes = np.abs(np.concatenate((left.ravel(), right.ravel())))
    allowed = tolerance * sizes[np.isfinite(sizes)].max(initial=0.0)
    with np.errstate(invalid="ignore"):
        close = np.abs(left - right) <= allowed
    agree = close | (left == right) | (np.isnan(left) & np.isnan(right))
    return [] if bool(agree.all()) else None
