"""Arguments as new for every call of a function that changes them."""

import pickle
from collections.abc import Callable
from typing import Any

Arguments = tuple[Any, ...]

# Values that nobody can change: a list of them may be copied by its own `copy`.
_UNCHANGING = (int, float, complex, str, bytes, bool, type(None))


def copier_of(arguments: Arguments) -> Callable[[], Arguments]:
    """A function that gives equal arguments, sharing nothing that can be changed.

    Quick where it can be: a flat list is copied as a list, an array as an array. Everything else
    goes through pickle.

    Raises:
        TypeError: One of them cannot be copied.
    """
    copiers = [_copier(argument) for argument in arguments]
    return lambda: tuple(copy() for copy in copiers)


def _copier(value: Any) -> Callable[[], Any]:
    if isinstance(value, _UNCHANGING):
        return lambda: value
    if type(value) is list and _is_flat(value):
        return value.copy
    if type(value).__module__ == "numpy" and hasattr(value, "copy") and not _has_objects(value):
        copy: Callable[[], Any] = value.copy
        return copy
    try:
        packed = pickle.dumps(value, protocol=pickle.HIGHEST_PROTOCOL)
        pickle.loads(packed)  # noqa: S301  what this process has just written
    except Exception as exc:
        raise TypeError(
            f"an argument of type {type(value).__name__} cannot be copied ({exc}), and the "
            "function changes its input: give it arguments that pickle can copy"
        ) from exc
    return lambda: pickle.loads(packed)  # noqa: S301


def _is_flat(values: list[Any]) -> bool:
    return set(map(type, values)) <= set(_UNCHANGING)


def _has_objects(array: Any) -> bool:
    return bool(getattr(getattr(array, "dtype", None), "hasobject", False))
