"""Rows as an Apache Parquet file, each column with the type that all its values have."""

import io
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from types import NoneType
from typing import Any

from tensorfleet.gateway.results.csv_table import column_names
from tensorfleet.gateway.results.plain_values import to_json_text

INT64 = range(-(2**63), 2**63)
# Beyond, a double does not tell neighbours apart.
EXACT_IN_DOUBLE = range(-(2**53), 2**53 + 1)

_TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d{1,6})?([Zz]|[+-]\d\d:\d\d)", re.ASCII)


def to_parquet(rows: Sequence[Mapping[str, Any]]) -> bytes:
    """A table of plain values.

    Columns are booleans, 64-bit integers, doubles, times (microseconds, UTC) or texts. Lists,
    objects, integers of more than 64 bits and columns of several types are JSON texts. A column of
    texts that are all times with a zone is one of times.
    """
    # Here, as it takes a fifth of a second.
    import pyarrow as pa
    import pyarrow.parquet

    types = {
        "bool": pa.bool_(),
        "int": pa.int64(),
        "float": pa.float64(),
        "time": pa.timestamp("us", tz="UTC"),
        "text": pa.string(),
    }
    columns: dict[str, Any] = {}
    for name in column_names(rows):
        word, values = typed_column([row.get(name) for row in rows])
        columns[name] = pa.array(values, type=types[word])
    file = io.BytesIO()
    pyarrow.parquet.write_table(pa.table(columns), file)
    return file.getvalue()


def typed_column(values: list[Any]) -> tuple[str, list[Any]]:
    """The type of a column ("bool", "int", "float", "time" or "text"), and its values as such."""
    kinds = {type(value) for value in values} - {NoneType}
    if kinds == {bool}:
        return "bool", values
    if kinds == {int} and all(value is None or value in INT64 for value in values):
        return "int", values
    if kinds and kinds <= {int, float} and _fit_doubles(values):
        return "float", [None if value is None else float(value) for value in values]
    if kinds == {datetime} or (kinds == {str} and _are_times(values)):
        return "time", [_time(value) for value in values]
    if kinds == {str}:
        return "text", [None if value is None else _valid_text(value) for value in values]
    return "text", [None if value is None else to_json_text(value) for value in values]


def _fit_doubles(values: list[Any]) -> bool:
    return all(not isinstance(value, int) or value in EXACT_IN_DOUBLE for value in values)


def _are_times(values: list[Any]) -> bool:
    try:
        return all(
            value is None or (_TIME.fullmatch(value) is not None and _time(value) is not None)
            for value in values
        )
    except ValueError:  # a 31st of February
        return False


def _time(value: str | datetime | None) -> datetime | None:
    return datetime.fromisoformat(value) if isinstance(value, str) else value


def _valid_text(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode()
