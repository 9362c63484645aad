"""Cells and lines of CSV."""

import csv
import io
from datetime import UTC, datetime
from typing import Any

import pytest

from tensorfleet.gateway.results.csv_table import to_csv


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        (None, ""),
        (True, "true"),
        (-1, "-1"),
        (2**70, "1180591620717411303424"),
        (-0.1, "-0.1"),
        (1e-300, "1e-300"),
        (float("nan"), "nan"),
        ("a,b", "a,b"),
        ('say "hi"\r\n', 'say "hi"\r\n'),
        ([1, None], "[1,null]"),
        ({"a": float("inf")}, '{"a":"Infinity"}'),
        (datetime(2026, 5, 1, tzinfo=UTC), "2026-05-01T00:00:00+00:00"),
    ],
)
def test_cell_reads_back(value: Any, cell: str) -> None:
    rows = list(csv.reader(io.StringIO(to_csv([{"x": value, "y": 1}]).decode(), newline="")))
    assert rows == [["x", "y"], [cell, "1"]]


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
def test_text_that_a_spreadsheet_would_run_is_guarded(text: str) -> None:
    rows = list(csv.reader(io.StringIO(to_csv([{text: text}]).decode(), newline="")))
    assert rows == [[f"'{text}"], [f"'{text}"]]


def test_columns_are_those_of_all_rows() -> None:
    assert to_csv([{"a": 1}, {"b": 2, "a": 3}]) == b"a,b\r\n1,\r\n3,2\r\n"
    assert to_csv([]) == b""
