"""Rows as CSV (RFC 4180): UTF-8, a header, lines that end with CR LF."""

import csv
import io
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from tensorfleet.gateway.results.plain_values import to_json_text

# Spreadsheets take a text that begins so for a formula, and run it. OWASP, "CSV Injection".
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def column_names(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """The columns of all rows, in the order in which they appear."""
    return list(dict.fromkeys(name for row in rows for name in row))


def to_csv(rows: Sequence[Mapping[str, Any]]) -> bytes:
    """A table of plain values.

    What is missing is empty; truths are `true` and `false`, lists and objects JSON. A text that a
    spreadsheet would run as a formula has an apostrophe before it; numbers stay as they are.
    """
    names = column_names(rows)
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    if names:
        writer.writerow([_guarded(name) for name in names])
    for row in rows:
        writer.writerow([_cell(row.get(name)) for name in names])
    return text.getvalue().encode("utf-8", "backslashreplace")


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return _guarded(value)
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, bool | list | dict):
        return to_json_text(value)
    return str(value)


def _guarded(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text
