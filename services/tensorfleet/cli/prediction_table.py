"""A model's answer as a table: one line for each row of the batch."""

from collections.abc import Mapping
from typing import Any

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from tensorfleet.cli.job_tables import plain_table
from tensorfleet.cli.words import number
from tensorfleet.shared.rest.numbers import from_json_number

MAX_ROWS = 50
MAX_VALUES = 12


def prediction_table(outputs: Mapping[str, Any]) -> RenderableType:
    """Each output has a column; of a row of several numbers, the largest is marked."""
    table: Table = plain_table("row", *outputs)
    columns = [value if isinstance(value, list) else [value] for value in outputs.values()]
    rows = max((len(column) for column in columns), default=0)
    for row in range(min(rows, MAX_ROWS)):
        cells = [_cell(column[row]) if row < len(column) else Text() for column in columns]
        table.add_row(str(row), *cells)
    if rows > MAX_ROWS:
        table.add_row("…", Text(f"{rows} rows; all of them with --json", "dim"))
    return table


def _cell(value: Any) -> Text:
    if not isinstance(value, list):
        return Text(_word(value), "bold")
    flat = not any(isinstance(inner, list) for inner in value)
    if not flat:
        return Text("nested; see --json", "dim")
    numbers = [from_json_number(inner) for inner in value]
    largest = max(range(len(numbers)), key=numbers.__getitem__, default=-1)
    cell = Text()
    for index, inner in enumerate(numbers[:MAX_VALUES]):
        cell.append(number(inner), "bold green" if index == largest else "")
        cell.append(" ")
    if len(numbers) > MAX_VALUES:
        cell.append(f"… {len(numbers)} values ", "dim")
    if len(numbers) > 1:
        cell.append(f"(largest: {largest})", "dim")
    return cell


def _word(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else number(from_json_number(value))
