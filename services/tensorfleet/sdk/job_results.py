"""Results, reports and plots of jobs from Python; part of `Client`."""

import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, get_args

from tensorfleet.sdk.api_path import api_path
from tensorfleet.sdk.connection import Connection
from tensorfleet.shared.errors import InvalidInput
from tensorfleet.shared.rest.results import Plot, PlotList

TableFormat = Literal["json", "csv", "parquet"]
PictureFormat = Literal["png", "svg"]

# The gateway gives such a question 60 seconds, and others before it 30.
RESULTS_TIMEOUT_SECONDS = 100.0

_RESERVED = frozenset({"format", "baseline"})


class JobResultsReader:
    """What a client can ask about a job's results."""

    _connection: Connection

    def results(
        self, job_id: str, baseline: str | None = None, **options: object
    ) -> dict[str, Any]:
        """A job's results: `job`, `is_complete`, `rows` (a table) and `report` (what they mean).

        A job that still runs gives what there is.

        Args:
            baseline: The id of another job of the same kind that the report compares with.
            options: Of the report, by names of the job's kind.

        Raises:
            JobNotFound: No such job, or no such baseline.
            InvalidInput: An option is unknown or wrong; the baseline is of another kind.
            TooLarge: There is too much for one answer; see `tasks`.
        """
        query = {"baseline": baseline, **_texts(options)}
        return self._connection.request(
            "GET",
            api_path("jobs", job_id, "results"),
            dict[str, Any],
            query=query,
            headers={"Accept": "application/json"},
            timeout_seconds=RESULTS_TIMEOUT_SECONDS,
        )

    def save_results(
        self, job_id: str, path: str | Path, file_format: TableFormat | None = None
    ) -> Path:
        """Writes a job's rows to a file as CSV or Parquet, or rows and report as JSON.

        Args:
            path: The file; it is there as a whole or not at all.
            file_format: By default what its suffix says: .csv, .json or .parquet.

        Raises:
            JobNotFound: No such job.
            InvalidInput: The suffix is none of these.
            TooLarge: There is too much for one answer; see `tasks`.
        """
        target = Path(path).expanduser()
        wanted = file_format or format_of(target, get_args(TableFormat))
        write_whole(target, self.results_file(job_id, wanted))
        return target

    def results_file(self, job_id: str, file_format: TableFormat) -> bytes:
        """What `save_results` writes.

        Raises:
            JobNotFound: No such job.
            TooLarge: There is too much for one answer; see `tasks`.
        """
        return self._connection.request(
            "GET",
            api_path("jobs", job_id, "results"),
            bytes,
            query={"format": file_format},
            timeout_seconds=RESULTS_TIMEOUT_SECONDS,
        )

    def plots(self, job_id: str) -> list[Plot]:
        """The pictures that can be drawn of a job's results.

        Raises:
            JobNotFound: No such job.
        """
        return self._connection.request(
            "GET",
            api_path("jobs", job_id, "plots"),
            PlotList,
            timeout_seconds=RESULTS_TIMEOUT_SECONDS,
        ).plots

    def plot(
        self, job_id: str, name: str, file_format: PictureFormat = "png", **options: object
    ) -> bytes:
        """A picture of a job's results.

        Args:
            options: Of the plot, by names of the job's kind.

        Raises:
            JobNotFound: No such job.
            NotFound: Its kind has no such plot.
            InvalidInput: An option is unknown or wrong, or there is nothing to be drawn.
        """
        return self._connection.request(
            "GET",
            api_path("jobs", job_id, "plots", name),
            bytes,
            query={"format": file_format, **_texts(options)},
            timeout_seconds=RESULTS_TIMEOUT_SECONDS,
        )


def format_of(path: Path, known: tuple[str, ...]) -> Any:
    """The format that a file's suffix names, one of those known.

    Raises:
        InvalidInput: It is none of them.
    """
    suffix = path.suffix.lower().removeprefix(".")
    if suffix not in known:
        listed = ", ".join(f".{name}" for name in known)
        raise InvalidInput(f"{path.name!r} has no format; end it with one of {listed}")
    return suffix


def write_whole(path: Path, content: bytes) -> None:
    """Writes a file so that it is never there in part."""
    part = path.with_name(f".{path.name[:100]}.{secrets.token_hex(4)}.part")
    try:
        part.write_bytes(content)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _texts(options: Mapping[str, object]) -> dict[str, str]:
    """Options as a query has them."""
    if wrong := sorted(_RESERVED & options.keys()):
        raise InvalidInput(f"{wrong[0]} is no option of the kind")
    return {
        name: str(value).lower() if isinstance(value, bool) else str(value)
        for name, value in options.items()
    }
