"""Algorithms measured the whole way: submitted, run alone on a worker, reported, drawn, gated."""

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tensorfleet.sdk.client import Client
from tensorfleet.shared.errors import InvalidInput, NameTaken
from tensorfleet.shared.rest.events import ProgressEvent
from tests.fleets import FleetOnDisk

QUICK = {"processes": 5, "values": 2, "value_seconds": 0.002}

CODE = """
def total(values):
    return sum(values)

def nothing(values):
    pass
"""
# Whatever noise there is: several times as long.
SLOW_CODE = CODE.replace("return sum(values)", "return sum(sum(values) for _ in range(8)) // 8")


@pytest.fixture
def client(fleet: FleetOnDisk) -> Iterator[Client]:
    with fleet.client() as client:
        yield client


def folder_with(parent: Path, name: str, code: str) -> Path:
    folder = parent / name
    folder.mkdir()
    (folder / "sums.py").write_text(code)
    return folder


def profile(client: Client, *algorithms: str, code: str = "", **spec: Any) -> str:
    whole = {"algorithms": list(algorithms), "measuring": QUICK, **spec}
    document = {"kind": "profile", "spec": whole, **({"code": code} if code else {})}
    job = client.wait(client.submit(document).id)
    assert job.state == "succeeded", job.failure
    return job.id


def test_measured_algorithms_are_reported_tabled_and_drawn(
    fleet: FleetOnDisk, client: Client, tmp_path: Path
) -> None:
    sizes = [64, 256, 1024]
    job_id = profile(client, "quick_sort", "insertion_sort", sizes=sizes, inputs=["random"])
    assert client.job(job_id).resources.exclusive is True
    results = client.results(job_id)
    assert results["is_complete"]
    report = results["report"]
    assert [series["algorithm"] for series in report["series"]] == ["quick_sort", "insertion_sort"]
    for series in report["series"]:
        assert [cell["size"] for cell in series["cells"]] == sizes
        assert all(cell["error"] is None for cell in series["cells"])
        medians = [cell["median"] for cell in series["cells"]]
        assert 0 < medians[0] < medians[1] < medians[2] < 1
        assert series["machine"]["worker"].startswith("worker-")
    rows = list(csv.DictReader(io.StringIO(client.results_file(job_id, "csv").decode())))
    assert [int(row["size"]) for row in rows] == [*sizes, *sizes]
    for row in rows:
        assert float(row["execution_time_s"]) > 0
        assert float(row["cpu_percent"]) > 0
        assert int(row["iterations"]) > 0
        assert row["timestamp"]
    assert client.save_results(job_id, tmp_path / "rows.parquet").read_bytes()[:4] == b"PAR1"
    for plot in ("time", "violin", "memory"):
        assert client.plot(job_id, plot)[:8] == b"\x89PNG\r\n\x1a\n"
    assert client.plot(job_id, "time", "svg").lstrip().startswith(b"<?xml")
    shown = fleet.cli("profile", "show", job_id)
    assert shown.returncode == 0, shown.stderr
    assert "insertion_sort  on random" in shown.stdout
    assert "1,024" in shown.stdout


def test_progress_is_told_while_it_measures(client: Client) -> None:
    job_id = profile(client, "tim_sort", sizes=[100, 1000])
    told = [event for event in client.events(job_id) if isinstance(event, ProgressEvent)]
    assert told[-1].completed == told[-1].total == 2 * (QUICK["processes"] + 1)
    assert told[0].unit == "measurements"


def test_registered_algorithms_keep_the_code_that_they_were_registered_with(
    client: Client, tmp_path: Path
) -> None:
    quick = folder_with(tmp_path, "quick", CODE)
    slow = folder_with(tmp_path, "slow", SLOW_CODE)
    first = {"name": "total_then", "function": "sums:total"}
    client.register_algorithm(first, code=quick)
    client.register_algorithm({**first, "name": "total_now"}, code=slow)
    with pytest.raises(NameTaken):
        client.register_algorithm(first, code=slow)
    job = client.compare("total_then", "total_now", sizes=[2000], measuring={"processes": 8})
    assert client.wait(job.id).state == "succeeded"
    (comparison,) = client.results(job.id)["report"]["comparisons"]
    assert (comparison["a"], comparison["b"]) == ("total_then", "total_now")
    assert comparison["code_a"] != comparison["code_b"]
    (cell,) = comparison["sizes"]
    assert cell["verdict"] == "slower"
    assert cell["ratio"] > 3
    client.delete_algorithm("total_now")
    with pytest.raises(InvalidInput, match="no algorithm is called 'total_now'"):
        profile(client, "total_now")


def test_trouble_with_one_algorithm_leaves_the_others(
    fleet: FleetOnDisk, client: Client, tmp_path: Path
) -> None:
    code = folder_with(tmp_path, "code", CODE)
    job_id = profile(client, "sums:total", "sums:nothing", code=str(code), sizes=[100])
    fine, silent = client.results(job_id)["report"]["series"]
    assert fine["cells"][0]["median"] > 0
    assert silent["cells"][0]["error"]["code"] == "NO_OUTPUT"
    run = fleet.cli(
        *("profile", "run", "sums:nothing", "--code", str(code), "--sizes", "10", "--json")
    )
    assert run.returncode == 1
    assert json.loads(run.stdout)["report"]["series"][0]["cells"][0]["error"]["code"] == "NO_OUTPUT"


def test_function_that_is_not_there_fails_its_task_with_a_reason(
    client: Client, tmp_path: Path
) -> None:
    code = folder_with(tmp_path, "code", CODE)
    spec = {"algorithms": ["sums:missing"], "measuring": QUICK}
    job = client.wait(client.submit({"kind": "profile", "code": str(code), "spec": spec}).id)
    assert job.state == "failed"
    assert job.failure is not None
    assert any("missing" in line for line in job.failure.output_tail)


def test_slower_code_does_not_pass_the_check(
    fleet: FleetOnDisk, client: Client, tmp_path: Path
) -> None:
    quick = folder_with(tmp_path, "quick", CODE)
    slow = folder_with(tmp_path, "slow", SLOW_CODE)
    baseline = profile(client, "sums:total", code=str(quick), sizes=[2000])
    check = ("profile", "check", "--baseline", baseline, "--precision", "quick")
    junit = tmp_path / "junit.xml"
    failed = fleet.cli(*check, "--code", str(slow), "--junit", str(junit))
    assert failed.returncode == 1, failed.stderr
    assert "1 of 1 slower" in failed.stdout
    assert 'failures="1"' in junit.read_text()
    passed = fleet.cli(*check, "--code", str(quick), "--max-regression", "50%", "--json")
    assert passed.returncode == 0, passed.stdout
    assert json.loads(passed.stdout)["is_interleaved"] is True
    present = profile(client, "sums:total", code=str(slow), sizes=[2000])
    recorded = fleet.cli("profile", "check", present, "--baseline", baseline)
    assert recorded.returncode == 1
    history = fleet.cli("profile", "history", "sums:total", "--json")
    codes = {past["code"] for past in json.loads(history.stdout)}
    assert len(codes) == 2


def test_comparison_by_http_is_a_job(fleet: FleetOnDisk, client: Client) -> None:
    credentials = json.loads((fleet.home / "credentials.json").read_text())
    with httpx.Client(base_url=fleet.url) as http:
        login = {name: credentials[name] for name in ("username", "password")}
        token = http.post("/api/v1/auth/login", json=login).json()["access_token"]
        http.headers["Authorization"] = f"Bearer {token}"
        names = [one["name"] for one in http.get("/api/v1/algorithms").json()["algorithms"]]
        assert {"bubble_sort", "fft", "kmeans"} <= set(names)
        asked = {"a": "quick_sort", "b": "quick_sort", "sizes": [200], "measuring": QUICK}
        made = http.post("/api/v1/compare", json=asked)
        assert made.status_code == 201
        job = client.wait(made.json()["id"])
        assert job.state == "succeeded"
        answer = http.get(f"/api/v1/jobs/{job.id}/results").json()
        assert answer["report"]["comparisons"][0]["sizes"][0]["rounds"] == QUICK["processes"]
        picture = http.get(f"/api/v1/jobs/{job.id}/plots/comparison.svg")
        assert picture.headers["content-type"].startswith("image/svg+xml")
        wrong = http.post("/api/v1/compare", json={"a": "quick_sort", "b": "nosuch"})
        assert wrong.status_code == 400
        assert "nosuch" in wrong.json()["detail"]
