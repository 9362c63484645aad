"""A job's rows as a table that fits its window: what differs in columns, what does not above."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
from rich.console import Console, ConsoleOptions, RenderableType
from rich.table import Table
from rich.text import Text

from tensorfleet.cli.words import number, state_text

MAX_ROWS = 200
MAX_CELL_WIDTH = 40
COLUMN_GAP = 2


class ResultsTable:
    """One line for each row.

    Columns without any value are left out; one that has the same value in all rows is said once
    above the table. Those that do not fit the window are named below it.
    """

    def __init__(self, rows: Sequence[Mapping[str, Any]]) -> None:
        self._rows = rows

    def __rich_console__(
        self, console: Console, _options: ConsoleOptions
    ) -> Iterable[RenderableType]:
        if not self._rows:
            yield Text("no results yet", "dim")
            return
        constant, varying = _split(self._rows)
        for name, value in constant.items():
            yield Text.assemble((f"{name}: ", "dim"), _text(name, value))
        shown = self._rows[:MAX_ROWS]
        cells = {name: [_cell(name, row.get(name)) for row in shown] for name in varying}
        fitting, left_out = _fit(cells, console.width)
        table = Table(box=None, padding=(0, COLUMN_GAP, 0, 0), header_style="bold")
        for name in fitting:
            is_number = all(_is_number(row.get(name)) for row in shown)
            table.add_column(name, justify="right" if is_number else "left", no_wrap=True)
        for index in range(len(shown)):
            table.add_row(*(cells[name][index] for name in fitting))
        yield table
        if left_out:
            names = ", ".join(left_out)
            yield Text(f"no room for: {names}; --format csv has everything", "dim")
        if len(self._rows) > MAX_ROWS:
            yield Text(
                f"{MAX_ROWS} of {len(self._rows):,} rows; --format csv has all of them", "dim"
            )


def _split(rows: Sequence[Mapping[str, Any]]) -> tuple[dict[str, Any], list[str]]:
    """The columns with the same value everywhere, with that; and those with several values."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    constant: dict[str, Any] = {}
    varying: list[str] = []
    for name in names:
        first = rows[0].get(name)
        if any(row.get(name) != first for row in rows):
            varying.append(name)
        elif first in (None, "", [], {}):
            continue
        elif len(rows) > 1:
            constant[name] = first
        else:
            varying.append(name)
    return constant, varying


def _fit(cells: Mapping[str, Sequence[Text]], width: int) -> tuple[list[str], list[str]]:
    """The columns that fit beside each other, from the left, and those that do not; at least one
    fits.
    """
    fitting: list[str] = []
    taken = 0
    names = list(cells)
    for name in names:
        taken += max(len(name), *(cell.cell_len for cell in cells[name])) + COLUMN_GAP
        if fitting and taken - COLUMN_GAP > width:
            break
        fitting.append(name)
    return fitting, names[len(fitting) :]


def _cell(name: str, value: Any) -> Text:
    text = _text(name, value)
    # A line break would take the table apart.
    text = Text(" ".join(text.plain.split()), text.style) if "\n" in text.plain else text
    text.truncate(MAX_CELL_WIDTH, overflow="ellipsis")
    return text


def _text(name: str, value: Any) -> Text:
    if value is None:
        return Text()
    if isinstance(value, str):
        return state_text(value) if name == "state" else Text(value)
    if _is_number(value):
        return Text(f"{value:,}" if isinstance(value, int) else number(value))
    return Text(msgspec.json.encode(value).decode())


def _is_number(value: Any) -> bool:
    return value is None or (isinstance(value, int | float) and not isinstance(value, bool))
