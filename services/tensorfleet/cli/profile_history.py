"""Earlier results of profile jobs, by algorithm and by the digest of the measured code."""

from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from rich.table import Table

    from tensorfleet.sdk.client import Client

SHOWN_DIGEST = 12


class PastResult(msgspec.Struct, frozen=True, kw_only=True):
    """One algorithm on one input, as one job measured it."""

    job: str
    time: str
    algorithm: str
    input: str
    code: str
    """The digest of the measured code; empty for what is installed on workers."""
    size: int
    """The largest that was measured."""
    seconds: float
    complexity: str
    """The class that was found; empty: it could not be told."""
    machine: str


def find_history(client: "Client", *, algorithm: str, code: str, limit: int) -> list[PastResult]:
    """Results of the newest profile jobs, newest first."""
    found: list[PastResult] = []
    for number, job in enumerate(client.jobs(kind="profile", state="succeeded")):
        if number >= limit:
            break
        report = client.results(job.id)["report"]
        found += [
            past
            for series in report.get("series", ())
            if (past := _past(job.id, series)) is not None
            and (not algorithm or past.algorithm == algorithm)
            and past.code.startswith(code)
        ]
    return found


def _past(job_id: str, series: dict[str, Any]) -> PastResult | None:
    cells = [cell for cell in series["cells"] if cell.get("median") is not None]
    if not cells:
        return None
    return PastResult(
        job=job_id,
        time=series["ended_at"],
        algorithm=series["algorithm"],
        input=series["input"],
        code=series["code"],
        size=cells[-1]["size"],
        seconds=cells[-1]["median"],
        complexity=series["complexity"]["class"] or "",
        machine=series["machine"]["fingerprint"],
    )


def history_table(found: list[PastResult]) -> "Table":
    """One line for each."""
    from tensorfleet.cli.job_tables import plain_table
    from tensorfleet.cli.words import call_time

    table = plain_table("time", "algorithm", "input", "code", "size", "median", "class", "job")
    for past in found:
        table.add_row(
            past.time[:19].replace("T", " "),
            past.algorithm,
            past.input,
            past.code[:SHOWN_DIGEST],
            f"{past.size:,}",
            call_time(past.seconds),
            past.complexity,
            past.job,
        )
    return table
