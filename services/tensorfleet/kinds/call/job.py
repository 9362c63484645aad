"""A call job as a client hands it in."""

from collections.abc import Mapping, Sequence
from typing import Any

_SPEC_FIELDS = ("preload", "environment")


def call_job(
    function: str,
    calls: Sequence[Sequence[Any] | Mapping[str, Any]] | int,
    *,
    code: str = "",
    **fields: Any,
) -> dict[str, Any]:
    """The job of these calls; a number means that many.

    Args:
        fields: Other fields of a job, and of its spec `preload` and `environment`.
    """
    spec = {name: fields.pop(name) for name in _SPEC_FIELDS if fields.get(name)}
    spec["function"] = function
    if isinstance(calls, int):
        spec["count"] = calls
    else:
        spec["calls"] = [call if isinstance(call, Mapping) else list(call) for call in calls]
    return {"kind": "call", "name": function, "code": code, **fields, "spec": spec}
