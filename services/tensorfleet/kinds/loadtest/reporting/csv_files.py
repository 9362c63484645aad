"""A document as CSV files."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path

from tensorfleet.kinds.loadtest.record import Document
from tensorfleet.kinds.loadtest.reporting import tables
from tensorfleet.kinds.loadtest.reporting.document_file import write_whole
from tensorfleet.kinds.loadtest.reporting.tables import Row
from tensorfleet.shared.errors import InvalidInput

_TABLES = {
    "points.csv": tables.point_rows,
    "seconds.csv": tables.second_rows,
    "steps.csv": tables.step_rows,
    "monitors.csv": tables.monitor_rows,
    "processes.csv": tables.process_rows,
}


def write_csv(folder: Path, document: Document) -> list[Path]:
    """Writes a file for each table that has rows; makes the folder. Returns the files.

    Raises:
        InvalidInput: The folder cannot be made, as a file has its name.
        OSError: A file cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except FileExistsError as exc:
        raise InvalidInput(f"{folder} is a file; name a folder for the CSV files") from exc
    written = []
    for name, rows_of in _TABLES.items():
        if rows := rows_of(document):
            path = folder / name
            write_whole(path, csv_text(rows).encode())
            written.append(path)
    return written


def csv_text(rows: Sequence[Row]) -> str:
    """Rows as CSV (RFC 4180) with a header; what is not known is empty."""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, fieldnames=list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
