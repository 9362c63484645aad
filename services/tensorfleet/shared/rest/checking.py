"""Checks requests against their shapes and names every wrong field, not only the first."""

import difflib
import re
from collections.abc import Mapping
from types import UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

import msgspec

from tensorfleet.shared.errors import FieldError, InvalidInput

Shape = TypeVar("Shape", bound=msgspec.Struct)
Wrong = TypeVar("Wrong", bound=InvalidInput)

MAX_PROBLEMS = 20
MAX_PATH_LENGTH = 200
MAX_NAME_LENGTH = 80

# msgspec writes where it was as "... - at `$.parts[0]`".
_LOCATION = re.compile(r" - at `(?:key in )?\$\.?(?P<path>[^`]*)`$")
_EXPECTED_TYPE = re.compile(r"Expected `(?P<wanted>[^`]*)`, got `(?P<got>[^`]*)`")
_EXPECTED_RANGE = re.compile(r"Expected `[^`]*` (?P<rule>.*)")

_WORDS = {
    "int": "a whole number",
    "float": "a number",
    "str": "text",
    "bool": "true or false",
    "array": "a list",
    "object": "an object",
    "dict": "an object",
    "null": "null",
    "date": "a date",
    "datetime": "a time",
    "bytes": "bytes",
}


def check_document(
    document: Any, shape: type[Shape], error: type[InvalidInput] = InvalidInput, what: str = "body"
) -> Shape:
    """The document as an instance of its shape.

    Args:
        document: Decoded JSON or YAML.
        what: How messages call the document as a whole.

    Raises:
        InvalidInput: Or the subclass given as `error`; it has one field error for each wrong field
            (at most 20), with its dotted path and what to do.
    """
    try:
        return msgspec.convert(document, shape)
    except msgspec.ValidationError as exc:
        raise problems_error(shape_problems(document, shape, what), error, what) from exc


def shape_problems(document: Any, shape: type[msgspec.Struct], what: str) -> list[FieldError]:
    """Every field of a document that does not fit the shape."""
    return _problems(document, shape, "", what)


def problems_error(problems: list[FieldError], error: type[Wrong], what: str) -> Wrong:
    """One error that lists the problems."""
    shown = problems[:MAX_PROBLEMS]
    listed = "; ".join(f"{p.field}: {p.message}" for p in shown)
    more = f"; and {len(problems) - len(shown)} more" if len(problems) > len(shown) else ""
    return error(f"the {what} is wrong: {listed}{more}", tuple(shown))


def _problems(value: Any, kind: Any, path: str, what: str) -> list[FieldError]:
    shape = _struct_within(kind)
    if shape is not None and value is not None:
        if not isinstance(value, Mapping) and not _may_be_plain(kind):
            message = f"must be an object with the fields {_listed(shape)}, not {_word(value)}"
            return [FieldError(field=path or what, message=message)]
        if isinstance(value, Mapping):
            return _field_problems(value, shape, path, what)
    item = _struct_item(kind)
    if item is not None and isinstance(value, list):
        found: list[FieldError] = []
        for index, entry in enumerate(value):
            found += _problems(entry, item, f"{path}[{index}]", what)
            if len(found) > MAX_PROBLEMS:
                break
        if found:
            return found
    entries = _dict_types(kind)
    if entries is not None and isinstance(value, Mapping):
        found = _entry_problems(value, entries, path, what)
        if found:
            return found
    try:
        msgspec.convert(value, kind)
    except msgspec.ValidationError as exc:
        return [_field_error(str(exc), path or what, kind)]
    return []


def _field_problems(
    value: Mapping[Any, Any], shape: type[msgspec.Struct], path: str, what: str
) -> list[FieldError]:
    fields = {field.encode_name: field for field in msgspec.structs.fields(shape)}
    prefix = f"{path}." if path else ""
    found: list[FieldError] = []
    for key in value:
        if not isinstance(key, str):
            message = "is not text; put the name of the field in quotes"
            found.append(
                FieldError(field=f"{prefix}{repr(key)[:MAX_NAME_LENGTH]}", message=message)
            )
        elif key not in fields:
            found.append(
                FieldError(field=f"{prefix}{key[:MAX_NAME_LENGTH]}", message=_unknown(key, fields))
            )
    for name, field in fields.items():
        if name in value:
            found += _problems(value[name], field.type, f"{prefix}{name}", what)
        elif field.required:
            found.append(FieldError(field=f"{prefix}{name}", message="is missing; it is required"))
    return found


def _entry_problems(
    value: Mapping[Any, Any], entries: tuple[Any, Any], path: str, what: str
) -> list[FieldError]:
    key_type, value_type = entries
    found: list[FieldError] = []
    for key, entry in value.items():
        place = f"{path}.{str(key)[:MAX_NAME_LENGTH]}"[:MAX_PATH_LENGTH]
        if not isinstance(key, str):
            found.append(FieldError(field=place, message="must be text; put the name in quotes"))
            continue
        found += [
            FieldError(field=place, message=f"the name {problem.message}")
            for problem in _problems(key, key_type, place, what)
        ]
        if value_type is not Any:
            found += _problems(entry, value_type, place, what)
        if len(found) > MAX_PROBLEMS:
            break
    return found


def _unknown(key: str, fields: Mapping[str, Any]) -> str:
    close = difflib.get_close_matches(key, fields, n=1)
    hint = f"did you mean {close[0]}?" if close else f"the fields are {', '.join(fields)}"
    return f"is not a field here; {hint}"


def _listed(shape: type[msgspec.Struct]) -> str:
    return ", ".join(field.encode_name for field in msgspec.structs.fields(shape))


def _struct_within(kind: Any) -> type[msgspec.Struct] | None:
    """The struct that a type stands for, also within Annotated and Optional."""
    for part in _alternatives(kind):
        if isinstance(part, type) and issubclass(part, msgspec.Struct):
            return part
    return None


def _may_be_plain(kind: Any) -> bool:
    """Whether a type that a struct stands in allows something else as well, such as text."""
    absent = (type(None), msgspec.UnsetType)
    return any(
        part not in absent and not (isinstance(part, type) and issubclass(part, msgspec.Struct))
        for part in _alternatives(kind)
    )


def _struct_item(kind: Any) -> type[msgspec.Struct] | None:
    """The struct that a list's items are."""
    for part in _alternatives(kind):
        if get_origin(part) is list:
            return _struct_within(get_args(part)[0])
    return None


def _dict_types(kind: Any) -> tuple[Any, Any] | None:
    """The types of a dict's keys and values."""
    for part in _alternatives(kind):
        if get_origin(part) is dict:
            key_type, value_type = get_args(part)
            return key_type, value_type
    return None


def _alternatives(kind: Any) -> list[Any]:
    origin = get_origin(kind)
    if origin is Annotated:
        return _alternatives(get_args(kind)[0])
    if origin in (Union, UnionType):
        return [inner for part in get_args(kind) for inner in _alternatives(part)]
    return [kind]


def _field_error(text: str, path: str, kind: Any) -> FieldError:
    located = _LOCATION.search(text)
    inner = located.group("path") if located else ""
    text = text[: located.start()] if located else text
    joint = "" if not inner or inner.startswith("[") else "."
    return FieldError(field=f"{path}{joint}{inner}", message=reworded(text, kind))


def reworded(text: str, kind: Any) -> str:
    """A message of msgspec's in the words of people who write job files.

    Args:
        kind: The type that was wanted.
    """
    if wrong_type := _EXPECTED_TYPE.fullmatch(text):
        wanted = " or ".join(
            _WORDS.get(name, name) for name in wrong_type.group("wanted").split(" | ")
        )
        got = wrong_type.group("got")
        quote = "; put it in quotes" if wanted == "text" and got in ("int", "float", "bool") else ""
        return f"must be {wanted}, not {_WORDS.get(got, got)}{quote}"
    if text.endswith("with a timezone component"):
        return "must have a time zone, like 2026-01-31T12:00:00Z"
    if wrong_range := _EXPECTED_RANGE.fullmatch(text):
        return f"must be {wrong_range.group('rule')}"
    if text.startswith("Invalid enum value"):
        choices = [
            str(choice)
            for part in _alternatives(kind)
            if get_origin(part) is Literal
            for choice in get_args(part)
        ]
        return f"must be one of {', '.join(choices)}" if choices else text
    return text


def _word(value: Any) -> str:
    names: dict[type, str] = {type(None): "null", list: "array", dict: "object"}
    name = names.get(type(value), type(value).__name__)
    return _WORDS.get(name, name)
