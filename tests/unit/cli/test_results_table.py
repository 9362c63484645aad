"""A job's rows as people see them."""

import io
from typing import Any

from rich.console import Console

from tensorfleet.cli.results_table import MAX_ROWS, ResultsTable


def shown(rows: list[dict[str, Any]], width: int = 80) -> str:
    console = Console(file=io.StringIO(), width=width, markup=False, emoji=False, highlight=False)
    console.print(ResultsTable(rows))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_same_values_are_said_once_and_empty_columns_not_at_all() -> None:
    rows = [
        {"task": n, "state": "succeeded", "seconds": n / 3, "message": "", "x": None}
        for n in range(2)
    ]
    assert [line.rstrip() for line in shown(rows).splitlines()] == [
        "state: succeeded",
        "task  seconds",
        "   0        0",
        "   1   0.3333",
    ]


def test_single_row_has_all_its_columns() -> None:
    lines = shown([{"task": 0, "state": "failed", "result": None}]).splitlines()
    assert [line.split() for line in lines] == [["task", "state"], ["0", "failed"]]


def test_columns_without_room_are_named() -> None:
    rows = [{"task": n, "wide": f"{n}" * 30, "more": n, "last": [n]} for n in range(3)]
    text = shown(rows, 44)
    assert max(len(line.rstrip()) for line in text.splitlines()[:4]) <= 44
    assert "more" in text.splitlines()[0]
    assert "no room for: last;" in text


def test_values_of_users_are_shown_as_they_are() -> None:
    text = shown([{"a": "[red]x[/] :smile:\nnext"}, {"a": {"b": [1, None]}}, {"a": "y" * 200}])
    assert "[red]x[/] :smile: next" in text
    assert '{"b":[1,null]}' in text
    assert "y" * 39 + "…" in text


def test_endless_tables_are_cut() -> None:
    text = shown([{"n": n} for n in range(MAX_ROWS + 5)])
    assert f"{MAX_ROWS} of {MAX_ROWS + 5} rows" in text
    assert len(text.splitlines()) == MAX_ROWS + 2
    assert shown([]) == "no results yet\n"
