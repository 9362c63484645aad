"""Rows of data for requests."""

import csv
import io
from pathlib import Path

import msgspec
import numpy as np

from tensorfleet.kinds.loadtest.spec import Feed
from tensorfleet.shared.errors import InvalidInput

MAX_FEED_BYTES = 256 * 1024 * 1024
_SEED = 1


class Rows:
    """A data feed in memory. Which row an arrival takes depends on its number only, so that
    several generators share a feed without speaking to each other."""

    def __init__(self, rows: list[dict[str, str]], *, is_random: bool) -> None:
        self._rows = rows
        self._order: list[int] | None = None
        if is_random:
            self._order = np.random.default_rng(_SEED).permutation(len(rows)).tolist()

    @property
    def columns(self) -> frozenset[str]:
        """The names of values: "feed.COLUMN"."""
        return frozenset(self._rows[0])

    def row(self, number: int) -> dict[str, str]:
        """The values for the arrival of this number, from the first again after the last."""
        place = number % len(self._rows)
        return self._rows[place if self._order is None else self._order[place]]


def read_feed(feed: Feed, folder: Path) -> Rows:
    """Reads CSV with a header, or JSON lines.

    Raises:
        InvalidInput: The file is missing, too large, empty or wrong; the message says where.
    """
    path = folder / feed.file
    if feed.order not in ("sequential", "random"):
        raise InvalidInput(f'feed.order is "sequential" or "random", not {feed.order[:40]!r}')
    try:
        if path.stat().st_size > MAX_FEED_BYTES:
            raise InvalidInput(f"the data feed {feed.file} has over {MAX_FEED_BYTES:,} bytes")
        text = path.read_bytes().decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as exc:
        raise InvalidInput(f"the data feed {feed.file} cannot be read: {exc}") from exc
    found = _json_rows(feed.file, text) if path.suffix == ".jsonl" else _csv_rows(feed.file, text)
    if not found:
        raise InvalidInput(f"the data feed {feed.file} has no rows")
    return Rows(found, is_random=feed.order == "random")


def _csv_rows(name: str, text: str) -> list[dict[str, str]]:
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    rows = []
    try:
        for row in reader:
            if None in row or None in row.values():
                message = f"line {reader.line_num} has not as many values as the header"
                raise InvalidInput(f"the data feed {name} is wrong: {message}")
            rows.append({f"feed.{column}": value for column, value in row.items()})
    except csv.Error as exc:
        raise InvalidInput(f"the data feed {name} is no CSV: {exc}") from exc
    return rows


def _json_rows(name: str, text: str) -> list[dict[str, str]]:
    rows = []
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            row = msgspec.json.decode(line, type=dict[str, object])
        except msgspec.DecodeError as exc:
            message = f"line {number} is no JSON object: {exc}"
            raise InvalidInput(f"the data feed {name} is wrong: {message}") from exc
        rows.append({f"feed.{key}": _text(value) for key, value in row.items()})
        if rows[-1].keys() != rows[0].keys():
            message = f"line {number} has other names than the first"
            raise InvalidInput(f"the data feed {name} is wrong: {message}")
    return rows


def _text(value: object) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
