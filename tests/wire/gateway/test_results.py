"""Results of jobs over HTTP: tables and reports."""

import csv
import io
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tensorfleet.orchestrator.v1 import job_pb2
from tests.wire.gateway.jobs_with_results import ENDED_AT, add_job, install_stopwatch
from tests.wire.gateway.running_gateway import ResultsSetup, RunningGateway, gateway_running

JOBS = "/api/v1/jobs"
CALL = {"function": "a:b", "count": 4}
BIG = 354224848179261915075  # the hundredth Fibonacci number, of more than 64 bits


@pytest.fixture
async def stopwatch_gateway(tmp_path: Path) -> AsyncIterator[RunningGateway]:
    """A gateway that has the kind "stopwatch"."""
    setup = ResultsSetup(environment=install_stopwatch(tmp_path), max_result_bytes=4 * 1024 * 1024)
    async with gateway_running(results=setup) as running:
        yield running


def add_calls(gateway: RunningGateway, *results: Any, **more: Any) -> str:
    return add_job(gateway.orchestrator, kind="call", spec=CALL, results=results, **more)


def add_stopwatch(gateway: RunningGateway, *seconds: float, **more: Any) -> str:
    return add_job(gateway.orchestrator, kind="stopwatch", spec={}, results=seconds, **more)


async def test_kind_without_rows_of_its_own_has_one_row_a_task(gateway: RunningGateway) -> None:
    job_id = add_calls(gateway, 7, {"a": [1]}, None, BIG, name="areas")
    answer = await gateway.http.get(f"{JOBS}/{job_id}/results")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/json"
    found = json.loads(answer.content)
    assert found["job"] == {"id": job_id, "kind": "call", "name": "areas", "state": "succeeded"}
    assert (found["is_complete"], found["report"]) == (True, {})
    assert [row["result"] for row in found["rows"]] == [7, {"a": [1]}, None, BIG]
    assert found["rows"][2] == {
        "task": 2,
        "state": "failed",
        "result": None,
        "worker": "w-1",
        "timestamp": ENDED_AT.isoformat(),
        "message": "=1+1 is wrong",
    }


async def test_kind_of_another_distribution_shows_its_rows_and_report(
    stopwatch_gateway: RunningGateway,
) -> None:
    job_id = add_stopwatch(stopwatch_gateway, 1.5, 2.5)
    found = (await stopwatch_gateway.http.get(f"{JOBS}/{job_id}/results")).json()
    assert found["rows"][0] == {
        "task": 0,
        "unit": "s",
        "seconds": 1.5,
        "at": "2026-05-01T12:30:15.250000Z",
        "sizes": [1, 2],
    }
    assert found["report"]["count"] == 2
    assert found["report"]["infinite"] == "Infinity"
    assert found["report"]["has_settings"] is False


async def test_baseline_and_options_reach_the_kind(stopwatch_gateway: RunningGateway) -> None:
    http = stopwatch_gateway.http
    job_id, other = add_stopwatch(stopwatch_gateway, 1.5), add_stopwatch(stopwatch_gateway, 9.5)
    query = {"baseline": other}
    found = (await http.get(f"{JOBS}/{job_id}/results", params=query)).json()
    assert found["report"]["baseline"] == [9.5]

    answer = await http.get(f"{JOBS}/{job_id}/results?colour=red")
    assert (answer.status_code, answer.json()["code"]) == (400, "INVALID_INPUT")
    assert answer.json()["errors"] == [{"field": "colour", "message": "is no option; there is: do"}]
    for wrong in ("do=a&do=b", "do=" + "x" * 1001, "&".join(f"o{n}=1" for n in range(33))):
        assert (await http.get(f"{JOBS}/{job_id}/results?{wrong}")).status_code == 400
    assert (await http.get(f"{JOBS}/{add_calls(stopwatch_gateway, 1)}/results?x=1")).json()[
        "detail"
    ] == "results of call jobs have no options, and no baseline"


async def test_baseline_must_be_a_job_of_the_same_kind_and_project(
    stopwatch_gateway: RunningGateway,
) -> None:
    job_id = add_stopwatch(stopwatch_gateway, 1.5)
    for baseline, status in (
        ("job-unknown", 404),
        (add_stopwatch(stopwatch_gateway, 1.5, project="other"), 404),
        (add_calls(stopwatch_gateway, 1), 400),
    ):
        path = f"{JOBS}/{job_id}/results?baseline={baseline}"
        assert (await stopwatch_gateway.http.get(path)).status_code == status


async def test_jobs_of_other_projects_are_not_there(gateway: RunningGateway) -> None:
    foreign = add_calls(gateway, 1, project="other")
    for path in (
        f"{foreign}/results",
        f"{foreign}/plots",
        f"{foreign}/plots/times.png",
        "job-unknown/results",
    ):
        answer = await gateway.http.get(f"{JOBS}/{path}")
        assert (answer.status_code, answer.json()["code"]) == (404, "JOB_NOT_FOUND")


@pytest.mark.parametrize("asked", ["parameter", "header"])
async def test_csv_reads_back(gateway: RunningGateway, asked: str) -> None:
    job_id = add_calls(gateway, 7, {"ä": [1, None]}, None, '=HYPERLINK("x"),\n', name="ärea/…")
    path = f"{JOBS}/{job_id}/results"
    answer = (
        await gateway.http.get(f"{path}?format=csv")
        if asked == "parameter"
        else await gateway.http.get(path, headers={"Accept": "text/csv, */*;q=0.1"})
    )
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert answer.headers["Content-Disposition"] == f'attachment; filename="rea-{job_id}.csv"'
    rows = list(csv.DictReader(io.StringIO(answer.content.decode(), newline="")))
    assert [row["result"] for row in rows] == ["7", '{"ä":[1,null]}', "", '\'=HYPERLINK("x"),\n']
    assert rows[2]["message"] == "'=1+1 is wrong"
    assert datetime.fromisoformat(rows[0]["timestamp"]) == ENDED_AT
    assert answer.content.count(b"\r\n") == 5


@pytest.mark.parametrize("asked", ["parameter", "header"])
async def test_parquet_has_typed_columns(stopwatch_gateway: RunningGateway, asked: str) -> None:
    job_id = add_stopwatch(stopwatch_gateway, 1.5, 2)
    path = f"{JOBS}/{job_id}/results"
    media_type = "application/vnd.apache.parquet"
    answer = (
        await stopwatch_gateway.http.get(f"{path}?format=parquet")
        if asked == "parameter"
        else await stopwatch_gateway.http.get(path, headers={"Accept": media_type})
    )
    assert answer.headers["Content-Type"] == media_type
    assert answer.headers["Content-Disposition"].endswith(f'-{job_id}.parquet"')
    table = pq.read_table(io.BytesIO(answer.content))
    assert table.schema.types == [
        pa.int64(),
        pa.string(),
        pa.float64(),
        pa.timestamp("us", tz="UTC"),
        pa.string(),
    ]
    assert table.to_pylist()[1] == {
        "task": 1,
        "unit": "s",
        "seconds": 2.0,
        "at": ENDED_AT.astimezone(UTC),
        "sizes": "[1,2]",
    }


async def test_tables_have_no_options(stopwatch_gateway: RunningGateway) -> None:
    job_id = add_stopwatch(stopwatch_gateway, 1.5)
    for query in ("format=csv&do=x", f"format=parquet&baseline={job_id}"):
        answer = await stopwatch_gateway.http.get(f"{JOBS}/{job_id}/results?{query}")
        assert answer.status_code == 400
        assert "the report is in format=json" in answer.json()["detail"]


async def test_unknown_format_is_refused_and_an_unknown_wish_gets_json(
    gateway: RunningGateway,
) -> None:
    path = f"{JOBS}/{add_calls(gateway, 1)}/results"
    answer = await gateway.http.get(f"{path}?format=xml")
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["message"] == "must be one of json, csv, parquet"
    answer = await gateway.http.get(path, headers={"Accept": "image/png"})
    assert answer.json()["is_complete"] is True


async def test_running_job_gives_what_there_is_and_is_not_cached(gateway: RunningGateway) -> None:
    job_id = add_calls(gateway, 1, state=job_pb2.JOB_STATE_RUNNING)
    path = f"{JOBS}/{job_id}/results"
    answer = await gateway.http.get(path)
    assert answer.json()["is_complete"] is False
    assert "ETag" not in answer.headers
    assert answer.headers["Cache-Control"] == "no-store"
    gateway.orchestrator.tasks[job_id][0].result_json = "2"
    assert (await gateway.http.get(path)).json()["rows"][0]["result"] == 2


async def test_answer_about_an_ended_job_is_kept_until_it_ends_again(
    gateway: RunningGateway,
) -> None:
    job_id = add_calls(gateway, 1)
    path = f"{JOBS}/{job_id}/results"
    first = await gateway.http.get(path)
    pages = gateway.orchestrator.task_pages
    second = await gateway.http.get(path)
    assert (second.content, second.headers["ETag"]) == (first.content, first.headers["ETag"])
    assert gateway.orchestrator.task_pages == pages

    known = {"If-None-Match": f'"else", {first.headers["ETag"]}'}
    unchanged = await gateway.http.get(path, headers=known)
    assert (unchanged.status_code, unchanged.content) == (304, b"")
    assert unchanged.headers["ETag"] == first.headers["ETag"]
    assert unchanged.headers["Cache-Control"] == "private, no-cache"

    gateway.orchestrator.tasks[job_id][0].result_json = "2"
    gateway.orchestrator.jobs[job_id].end_time.FromSeconds(2_000_000_000)
    changed = await gateway.http.get(path, headers=known)
    assert changed.status_code == 200
    assert changed.json()["rows"][0]["result"] == 2
    assert changed.headers["ETag"] != first.headers["ETag"]


async def test_kept_answers_are_for_those_who_may_see_the_job(gateway: RunningGateway) -> None:
    job_id = add_calls(gateway, 1)
    path = f"{JOBS}/{job_id}/results"
    etag = (await gateway.http.get(path)).headers["ETag"]
    gateway.orchestrator.jobs[job_id].project = "other"
    answer = await gateway.http.get(path, headers={"If-None-Match": etag})
    assert answer.status_code == 404


async def test_long_answers_are_compressed_for_those_who_take_it(gateway: RunningGateway) -> None:
    path = f"{JOBS}/{add_calls(gateway, *range(2000))}/results"
    packed = await gateway.http.get(path)
    plain = await gateway.http.get(path, headers={"Accept-Encoding": "gzip;q=0, deflate"})
    assert packed.headers["Content-Encoding"] == "gzip"
    assert "Content-Encoding" not in plain.headers
    assert packed.content == plain.content
    assert int(packed.headers["Content-Length"]) < int(plain.headers["Content-Length"]) / 5
    assert packed.headers["Vary"] == "Accept, Accept-Encoding"


async def test_results_that_no_message_could_carry_together_are_read_page_by_page(
    gateway: RunningGateway,
) -> None:
    # 60 MiB together.
    job_id = add_calls(gateway, *[1] * 3000, *["x" * 256 * 1024] * 240)
    answer = await gateway.http.get(f"{JOBS}/{job_id}/results?format=parquet", timeout=60)
    assert answer.status_code == 200
    table = pq.read_table(io.BytesIO(answer.content))
    assert table.num_rows == 3240
    assert gateway.orchestrator.task_pages > 10


async def test_more_results_than_fit_are_refused_with_a_way_out(
    stopwatch_gateway: RunningGateway,
) -> None:
    job_id = add_calls(stopwatch_gateway, *["x" * 100_000] * 50)
    answer = await stopwatch_gateway.http.get(f"{JOBS}/{job_id}/results")
    assert (answer.status_code, answer.json()["code"]) == (413, "TOO_LARGE")
    assert f"GET /api/v1/jobs/{job_id}/tasks" in answer.json()["detail"]
    small = await stopwatch_gateway.http.get(f"{JOBS}/{add_calls(stopwatch_gateway, 1)}/results")
    assert small.status_code == 200


async def test_kind_that_is_not_installed_here_is_said_to_be_unknown(
    gateway: RunningGateway,
) -> None:
    answer = await gateway.http.get(f"{JOBS}/{add_stopwatch(gateway, 1.5)}/results")
    assert (answer.status_code, answer.json()["code"]) == (400, "UNKNOWN_KIND")


async def test_contract_has_the_shapes_of_answers(gateway: RunningGateway) -> None:
    paths = (await gateway.http.get("/openapi.json")).json()["paths"]
    answers = {
        path: paths[f"{JOBS}/{{job_id}}/{path}"]["get"]["responses"]["200"]["content"]
        for path in ("results", "plots", "plots/{name}")
    }
    assert answers["results"]["application/json"]["schema"]["$ref"].endswith("/JobResults")
    assert answers["plots"]["application/json"]["schema"]["$ref"].endswith("/PlotList")
    assert list(answers["plots/{name}"]) == ["image/png"]
