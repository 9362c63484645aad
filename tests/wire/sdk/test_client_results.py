"""Results and plots through the client."""

import csv
import json
from asyncio import to_thread
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tensorfleet.gateway.users import ADMIN_NAME
from tensorfleet.sdk.client import Client
from tensorfleet.shared.errors import InvalidInput, JobNotFound, NotFound
from tests.wire.gateway.jobs_with_results import add_job, install_stopwatch
from tests.wire.gateway.running_gateway import (
    PASSWORD,
    ResultsSetup,
    RunningGateway,
    gateway_running,
)
from tests.wire.sdk.conftest import Fleet


@pytest.fixture
async def stopwatch(tmp_path: Path) -> AsyncIterator[tuple[Client, str, RunningGateway]]:
    """A client, and a job of the kind "stopwatch"."""
    setup = ResultsSetup(environment=install_stopwatch(tmp_path))
    async with gateway_running(results=setup) as gateway:
        job_id = add_job(gateway.orchestrator, kind="stopwatch", spec={}, results=[1.5, 2.5])
        with closing(Client(gateway.url, username=ADMIN_NAME, password=PASSWORD)) as client:
            yield client, job_id, gateway


async def test_results_have_rows_and_report(
    stopwatch: tuple[Client, str, RunningGateway],
) -> None:
    client, job_id, gateway = stopwatch
    found = await to_thread(client.results, job_id)
    assert [row["seconds"] for row in found["rows"]] == [1.5, 2.5]
    other = add_job(gateway.orchestrator, kind="stopwatch", spec={}, results=[9])
    found = await to_thread(lambda: client.results(job_id, baseline=other, do=True))
    assert found["report"]["baseline"] == [9]
    with pytest.raises(InvalidInput, match="colour") as caught:
        await to_thread(lambda: client.results(job_id, colour="red"))
    assert caught.value.fields[0].field == "colour"
    with pytest.raises(InvalidInput, match="format is no option"):
        await to_thread(lambda: client.results(job_id, format="csv"))


async def test_results_are_saved_as_the_suffix_says(
    stopwatch: tuple[Client, str, RunningGateway], tmp_path: Path
) -> None:
    client, job_id, _ = stopwatch
    folder = tmp_path / "saved"
    folder.mkdir()
    for name in ("a.csv", "a.JSON", "a.parquet"):
        await to_thread(client.save_results, job_id, folder / name)
    await to_thread(client.save_results, job_id, str(folder / "a.txt"), "csv")
    assert pq.read_table(folder / "a.parquet").column("seconds").to_pylist() == [1.5, 2.5]
    assert json.loads((folder / "a.JSON").read_text())["report"]["count"] == 2
    for name in ("a.csv", "a.txt"):
        rows = list(csv.DictReader((folder / name).read_text().splitlines()))
        assert [row["seconds"] for row in rows] == ["1.5", "2.5"]
    with pytest.raises(InvalidInput, match=r"\.json, \.csv, \.parquet"):
        await to_thread(client.save_results, job_id, folder / "a.xlsx")
    assert len(list(folder.iterdir())) == 4


async def test_plots_are_listed_and_drawn(
    stopwatch: tuple[Client, str, RunningGateway],
) -> None:
    client, job_id, _ = stopwatch
    (plot,) = await to_thread(client.plots, job_id)
    assert plot.name == "times"
    assert (await to_thread(client.plot, job_id, "times")).startswith(b"\x89PNG")
    assert b"<svg" in await to_thread(client.plot, job_id, "times", "svg")
    with pytest.raises(NotFound, match="there are: times"):
        await to_thread(client.plot, job_id, "a?b")
    with pytest.raises(InvalidInput, match="no option colour"):
        await to_thread(lambda: client.plot(job_id, "times", colour=1))


async def test_unknown_job_is_not_found(fleet: Fleet) -> None:
    with pytest.raises(JobNotFound):
        await to_thread(fleet.client.results, "job-x")
    with pytest.raises(JobNotFound):
        await to_thread(fleet.client.plots, "job-x")
