"""What a job may ask for: checks of a job request, and of the YAML file of the same shape."""

import math
import re
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from tensorfleet.shared.errors import FieldError, InvalidJob
from tensorfleet.shared.rest.checking import (
    MAX_NAME_LENGTH,
    MAX_PATH_LENGTH,
    problems_error,
    shape_problems,
)
from tensorfleet.shared.rest.jobs import CreateJob
from tensorfleet.shared.rest.retry_rules import retry_problems

MAX_FILE_BYTES = 4 * 1024 * 1024
MIN_MEMORY_BYTES = 1024 * 1024
MAX_MEMORY_BYTES = 1 << 50
FIRST_YEAR, LAST_YEAR = 1970, 2199
# MongoDB keeps documents nested up to 100 deep; the spec lies a few levels down in its own.
MAX_SPEC_DEPTH = 64
# A few YAML lines with anchors can stand for billions of values.
MAX_SPEC_VALUES = 500_000

_UNIT_BYTES = {
    "": 1,
    "b": 1,
    **{f"{prefix}b": 1000 ** (n + 1) for n, prefix in enumerate("kmgt")},
    **{f"{prefix}ib": 1024 ** (n + 1) for n, prefix in enumerate("kmgt")},
}
_MEMORY = re.compile(r"\s*(?P<number>\d+(\.\d+)?)\s*(?P<unit>[A-Za-z]*)\s*", re.ASCII)
_WHAT = "job"


def memory_bytes(memory: int | str) -> int:
    """Bytes of "512MiB", "1.5 GiB", "2GB", "1073741824" or a number of bytes.

    Raises:
        ValueError: It is none of these; the message says what to write.
    """
    if isinstance(memory, int):
        return memory
    written = _MEMORY.fullmatch(memory)
    if written is None or written.group("unit").lower() not in _UNIT_BYTES:
        raise ValueError(f'{memory[:80]!r} is no amount of memory; write "512MiB", "1GiB" or bytes')
    return int(float(written.group("number")) * _UNIT_BYTES[written.group("unit").lower()])


def check_job(document: Any) -> CreateJob:
    """A job request, from decoded JSON or YAML.

    Raises:
        InvalidJob: With one field error for each wrong field: its dotted path and what to do.
    """
    problems: list[FieldError] = []
    job: CreateJob | None = None
    try:
        job = msgspec.convert(document, CreateJob)
    except msgspec.ValidationError:
        problems += shape_problems(document, CreateJob, _WHAT)
    if isinstance(document, Mapping):
        problems += _content_problems(document)
    if problems or job is None:
        raise problems_error(problems, InvalidJob, _WHAT)
    return job


def parse_job_file(text: str) -> CreateJob:
    """A job request, from the text of a job file.

    Raises:
        InvalidJob: It is not YAML, or not a job; see `check_job`.
    """
    document = parse_yaml(text)
    if document is None:
        raise _whole_file_error("is empty; write at least `kind:` and `spec:`")
    return check_job(document)


def parse_yaml(text: str) -> Any:
    """What a YAML text holds; None: nothing.

    Raises:
        InvalidJob: It is not YAML, or has a key twice.
    """
    import yaml  # here, as the gateway checks jobs, too, but never reads a file

    try:
        _refuse_duplicates(yaml.compose(text, Loader=yaml.SafeLoader))
        document = yaml.safe_load(text)
    except yaml.YAMLError as exc:
        mark = getattr(exc, "problem_mark", None)
        where = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        problem = getattr(exc, "problem", None) or str(exc)
        raise _whole_file_error(f"is not YAML: {where}{problem}") from exc
    except RecursionError as exc:
        raise _whole_file_error("is nested too deep") from exc
    except ValueError as exc:
        raise _whole_file_error(f"has a value that YAML does not allow: {exc}") from exc
    return document


def read_job_file(path: Path) -> CreateJob:
    """A job request, from a job file.

    Raises:
        InvalidJob: The file cannot be read, or see `parse_job_file`.
    """
    return parse_job_file(read_text(path))


def read_text(path: Path) -> str:
    """The text of a job file, or of another file in which people write YAML.

    Raises:
        InvalidJob: It cannot be read, is too large, or is no text.
    """
    try:
        with path.open("rb") as stream:
            content = stream.read(MAX_FILE_BYTES + 1)
    except OSError as exc:
        message = f"cannot read the job file {path}: {exc.strerror or exc}"
        raise InvalidJob(message, (FieldError(field=_WHAT, message=message),)) from exc
    if len(content) > MAX_FILE_BYTES:
        raise _whole_file_error(f"is larger than {MAX_FILE_BYTES:,} bytes")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as exc:
        raise _whole_file_error(f"is not UTF-8 text: byte {exc.start} is wrong") from exc


def _whole_file_error(message: str) -> InvalidJob:
    return problems_error([FieldError(field=_WHAT, message=message)], InvalidJob, "job file")


def _content_problems(document: Mapping[Any, Any]) -> list[FieldError]:
    """What is wrong beyond the shape, in those parts that have the right one."""
    found: list[FieldError] = []
    resources = document.get("resources")
    memory = resources.get("memory") if isinstance(resources, Mapping) else None
    if isinstance(memory, int | str) and not isinstance(memory, bool):
        found += _memory_problems(memory)
    found += retry_problems(document)
    found += _time_problems(document.get("not_before_time"))
    found += name_problems(document.get("name"))
    spec = document.get("spec")
    if isinstance(spec, dict):
        found += _spec_problems(spec)
    return found


def name_problems(name: Any) -> list[FieldError]:
    """What is wrong with a job's name, if it is one by its type."""
    if isinstance(name, str) and any(ord(char) < 32 or ord(char) == 127 for char in name):
        return [FieldError(field="name", message="must not have control characters")]
    return []


def _time_problems(written: Any) -> list[FieldError]:
    try:
        time = msgspec.convert(written, datetime)
    except msgspec.ValidationError:
        return []  # was told with the shape
    if FIRST_YEAR <= time.year <= LAST_YEAR:
        return []
    message = f"must be in the years {FIRST_YEAR} to {LAST_YEAR}"
    return [FieldError(field="not_before_time", message=message)]


def _memory_problems(memory: int | str) -> list[FieldError]:
    try:
        size_bytes = memory_bytes(memory)
    except ValueError as exc:
        return [FieldError(field="resources.memory", message=str(exc))]
    if MIN_MEMORY_BYTES <= size_bytes <= MAX_MEMORY_BYTES:
        return []
    message = f"is {size_bytes} bytes; ask for 1MiB to 1024TiB"
    return [FieldError(field="resources.memory", message=message)]


def _spec_problems(spec: dict[str, Any]) -> list[FieldError]:
    """What in the spec JSON cannot carry or the fleet does not keep; stops at too much of it."""
    found: list[FieldError] = []
    pending: list[tuple[str, Any, int]] = [("spec", spec, 1)]
    seen = 0
    while pending:
        path, value, depth = pending.pop()
        seen += 1
        if seen > MAX_SPEC_VALUES:
            message = f"has more than {MAX_SPEC_VALUES:,} values; put data into a dataset"
            return [FieldError(field="spec", message=message)]
        if isinstance(value, dict | list) and depth > MAX_SPEC_DEPTH:
            message = f"is nested more than {MAX_SPEC_DEPTH} deep"
            return [FieldError(field="spec", message=message)]
        if isinstance(value, dict):
            if depth > 1:  # the names at the top were checked with the shape
                found += _key_problems(value, path)
            pending += [(_below(path, key), inner, depth + 1) for key, inner in value.items()]
        elif isinstance(value, list):
            pending += [(f"{path}[{n}]", inner, depth + 1) for n, inner in enumerate(value)]
        elif problem := _scalar_problem(value):
            found.append(FieldError(field=path, message=problem))
    return sorted(found, key=lambda problem: problem.field)


def _below(path: str, key: Any) -> str:
    """A path that stays short whatever the keys are."""
    return f"{path}.{str(key)[:MAX_NAME_LENGTH]}"[:MAX_PATH_LENGTH]


def _key_problems(value: dict[Any, Any], path: str) -> list[FieldError]:
    return [
        FieldError(field=_below(path, key), message="must be text; put the name in quotes")
        for key in value
        if not isinstance(key, str)
    ]


def _scalar_problem(value: Any) -> str | None:
    if value is None or isinstance(value, bool | str):
        return None
    if isinstance(value, int):
        return None if -(2**63) <= value < 2**63 else "is too large for 64 bits; put it in quotes"
    if isinstance(value, float):
        return None if math.isfinite(value) else "is not finite; JSON has no such number"
    return f"is a {type(value).__name__}, which JSON does not have; put it in quotes"


def _refuse_duplicates(root: Any) -> None:
    """YAML forbids a key twice in one mapping, but its readers silently take the last."""
    import yaml

    waiting: list[Any] = [root]
    seen: set[int] = set()
    while waiting:
        node = waiting.pop()
        if node is None or id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, yaml.MappingNode):
            names: set[Any] = set()
            for key, value in node.value:
                waiting.append(value)
                if key.value in names and key.tag != "tag:yaml.org,2002:merge":
                    line = key.start_mark.line + 1
                    raise _whole_file_error(f"has {str(key.value)[:80]!r} twice (line {line})")
                names.add(key.value if isinstance(key.value, str) else id(key))
        elif isinstance(node, yaml.SequenceNode):
            waiting.extend(node.value)
