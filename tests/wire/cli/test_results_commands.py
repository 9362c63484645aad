"""`tensorfleet results` and `plot`, before a gateway with a kind of another distribution."""

import asyncio
import csv
import io
import json
import os
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tensorfleet.gateway.users import ADMIN_NAME
from tensorfleet.orchestrator.v1 import job_pb2
from tests.wire.gateway.jobs_with_results import add_job, install_stopwatch
from tests.wire.gateway.running_gateway import (
    PASSWORD,
    ResultsSetup,
    RunningGateway,
    gateway_running,
)


@dataclass(frozen=True)
class Shell:
    """Runs commands in a folder of their own."""

    gateway: RunningGateway
    folder: Path

    async def run(self, *arguments: str) -> tuple[int, bytes, str]:
        """Exit status, output and errors of a command."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith("TENSORFLEET_")}
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tensorfleet.cli.main", *arguments),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            cwd=self.folder,
            env={
                **kept,
                "TENSORFLEET_URL": self.gateway.url,
                "TENSORFLEET_USERNAME": ADMIN_NAME,
                "TENSORFLEET_PASSWORD": PASSWORD,
            },
        )
        out, errors = await process.communicate()
        assert process.returncode is not None
        return process.returncode, out, errors.decode()

    def add_job(self, state: "job_pb2.JobState.ValueType" = job_pb2.JOB_STATE_SUCCEEDED) -> str:
        """A job of the kind "stopwatch"."""
        return add_job(
            self.gateway.orchestrator, kind="stopwatch", spec={}, results=[1.5, 2.5], state=state
        )


@pytest.fixture
async def shell(tmp_path: Path) -> AsyncIterator[Shell]:
    setup = ResultsSetup(environment=install_stopwatch(tmp_path))
    folder = tmp_path / "here"
    folder.mkdir()
    async with gateway_running(results=setup) as gateway:
        yield Shell(gateway, folder)


async def test_results_are_a_table_for_people(shell: Shell) -> None:
    job_id = shell.add_job(job_pb2.JOB_STATE_RUNNING)
    status, out, errors = await shell.run("results", job_id)
    assert status == 0
    lines = [line.split() for line in out.decode().splitlines()]
    assert ["unit:", "s"] in lines
    assert lines[-3:] == [["task", "seconds"], ["0", "1.5"], ["1", "2.5"]]
    assert f"{job_id} has not ended" in errors
    assert f"tensorfleet results {job_id} --json" in errors


async def test_results_are_data_for_programs(shell: Shell) -> None:
    job_id = shell.add_job()
    status, out, _ = await shell.run("results", job_id, "--format", "csv")
    assert status == 0
    rows = list(csv.DictReader(io.StringIO(out.decode(), newline="")))
    assert [row["seconds"] for row in rows] == ["1.5", "2.5"]
    _, out, _ = await shell.run(
        *("results", job_id, "--json", "--baseline", job_id, "--option", "do=nothing")
    )
    assert json.loads(out)["report"]["baseline"] == [1.5, 2.5]
    _, out, _ = await shell.run("results", job_id, "--format", "parquet")
    assert pq.read_table(io.BytesIO(out)).num_rows == 2


async def test_results_go_into_files_by_their_suffix(shell: Shell) -> None:
    job_id = shell.add_job()
    for name in ("a.csv", "a.json", "a.parquet"):
        status, out, _ = await shell.run("results", job_id, "--output", name)
        assert (status, out.decode().split()[:2]) == (0, ["✔", name])
    assert (shell.folder / "a.csv").read_bytes().startswith(b"task,unit,")
    assert json.loads((shell.folder / "a.json").read_text())["report"]["count"] == 2
    assert pq.read_table(shell.folder / "a.parquet").num_rows == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--output", "a.xlsx"), "end it with one of .csv, .json, .parquet"),
        (("--format", "table", "--output", "a.csv"), "a table is for the terminal"),
        (("--json", "--format", "csv"), "exclude each other"),
        (("--baseline", "x"), "add --json"),
        (("--json", "--option", "x"), "write it as NAME=VALUE"),
        (("--json", "--option", "x=1", "--option", "x=2"), "is given twice"),
        (("--json", "--option", "x=1"), "x is no option"),
    ],
)
async def test_wrong_wishes_end_with_status_2(
    shell: Shell, arguments: tuple[str, ...], message: str
) -> None:
    status, out, errors = await shell.run("results", shell.add_job(), *arguments)
    assert (status, out) == (2, b"")
    assert message in errors
    assert list(shell.folder.iterdir()) == []


async def test_plots_are_listed_and_drawn(shell: Shell) -> None:
    job_id = shell.add_job()
    _, out, _ = await shell.run("plot", job_id)
    assert "times  Time of each task" in out.decode()
    _, out, _ = await shell.run("plot", job_id, "--json")
    assert json.loads(out)["plots"][0]["name"] == "times"
    assert (await shell.run("plot", job_id, "times"))[0] == 0
    assert (shell.folder / "times.png").read_bytes().startswith(b"\x89PNG")
    assert (await shell.run("plot", job_id, "times", "-o", "x.svg"))[0] == 0
    assert b"<svg" in (shell.folder / "x.svg").read_bytes()


async def test_plot_that_does_not_exist_is_said_so(shell: Shell) -> None:
    status, _, errors = await shell.run("plot", shell.add_job(), "shapes")
    assert status == 1
    assert "there are: times" in errors
    assert (await shell.run("plot", shell.add_job(), "times", "-o", "x.gif"))[0] == 2
    assert (await shell.run("results", "job-x"))[0] == 1
    assert list(shell.folder.iterdir()) == []
