"""The types of columns."""

import io
from datetime import UTC, datetime
from typing import Any

import pyarrow.parquet as pq
import pytest

from tensorfleet.gateway.results.parquet_table import to_parquet, typed_column

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("values", "word", "kept"),
    [
        ([True, None], "bool", [True, None]),
        ([1, None, -(2**63)], "int", [1, None, -(2**63)]),
        ([1, 2.5, None], "float", [1.0, 2.5, None]),
        ([2**63, 1], "text", ["9223372036854775808", "1"]),
        ([2**53 + 1, 0.5], "text", ["9007199254740993", "0.5"]),
        ([True, 1], "text", ["true", "1"]),
        (["a", None], "text", ["a", None]),
        (["a", 1], "text", ['"a"', "1"]),
        ([{"a": float("nan")}, [1]], "text", ['{"a":"NaN"}', "[1]"]),
        ([NOW, None], "time", [NOW, None]),
        (["2026-05-01T12:00:00Z", None], "time", [NOW, None]),
        (["2026-05-01T14:00:00.000+02:00"], "time", [NOW]),
        (["2026-05-01T12:00:00"], "text", ["2026-05-01T12:00:00"]),
        (["2026-02-31T12:00:00Z"], "text", ["2026-02-31T12:00:00Z"]),
        (["2026-05-01T12:00:00Z", "later"], "text", ["2026-05-01T12:00:00Z", "later"]),
        ([None, None], "text", [None, None]),
        ([], "text", []),
    ],
)
def test_column_has_the_type_that_loses_nothing(values: list[Any], word: str, kept: Any) -> None:
    assert typed_column(values) == (word, kept)


def test_file_reads_back() -> None:
    rows: list[dict[str, Any]] = [
        {"a": 1, "ü": None, "c": float("nan")},
        {"a": None, "ü": "\ud800", "d": NOW},
    ]
    table = pq.read_table(io.BytesIO(to_parquet(rows)))
    assert table.column_names == ["a", "ü", "c", "d"]
    assert table.column("a").to_pylist() == [1, None]
    assert table.column("ü").to_pylist() == [None, "\\ud800"]
    assert str(table.column("c").to_pylist()[0]) == "nan"
    assert table.column("d").to_pylist() == [None, NOW]


def test_no_rows_make_an_empty_file() -> None:
    assert pq.read_table(io.BytesIO(to_parquet([]))).num_rows == 0
