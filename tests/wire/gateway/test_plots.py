"""Pictures of results over HTTP."""

from collections.abc import AsyncIterator
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from tests.wire.gateway.jobs_with_results import add_job, install_stopwatch
from tests.wire.gateway.running_gateway import ResultsSetup, RunningGateway, gateway_running

JOBS = "/api/v1/jobs"
PNG_START = b"\x89PNG\r\n"


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[RunningGateway]:
    """A gateway that has the kind "stopwatch"."""
    setup = ResultsSetup(environment=install_stopwatch(tmp_path))
    async with gateway_running(results=setup) as running:
        yield running


def add_stopwatch(gateway: RunningGateway) -> str:
    return add_job(gateway.orchestrator, kind="stopwatch", spec={}, results=[1.5, 2.5], name="s")


async def test_listed_plots_are_where_the_list_says(gateway: RunningGateway) -> None:
    job_id = add_stopwatch(gateway)
    (plot,) = (await gateway.http.get(f"{JOBS}/{job_id}/plots")).json()["plots"]
    assert (plot["name"], plot["title"]) == ("times", "Time of each task")
    png = await gateway.http.get(plot["urls"]["png"])
    assert png.headers["Content-Type"] == "image/png"
    assert png.content.startswith(PNG_START)
    svg = await gateway.http.get(plot["urls"]["svg"])
    assert svg.headers["Content-Type"] == "image/svg+xml"
    assert ET.fromstring(svg.content).tag.endswith("svg")  # noqa: S314  our own file


async def test_format_is_a_parameter_too(gateway: RunningGateway) -> None:
    path = f"{JOBS}/{add_stopwatch(gateway)}/plots/times"
    assert (await gateway.http.get(path)).content.startswith(PNG_START)
    assert b"<svg" in (await gateway.http.get(f"{path}?format=svg")).content
    assert (await gateway.http.get(f"{path}?format=gif")).status_code == 400


async def test_svg_cannot_do_anything(gateway: RunningGateway) -> None:
    answer = await gateway.http.get(f"{JOBS}/{add_stopwatch(gateway)}/plots/times.svg")
    (policy,) = answer.headers.get_list("Content-Security-Policy")
    assert {"sandbox", "default-src 'none'"} <= {part.strip() for part in policy.split(";")}
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Disposition"].startswith('inline; filename="s-times-job-')


async def test_picture_that_the_client_has_is_not_sent_again(gateway: RunningGateway) -> None:
    path = f"{JOBS}/{add_stopwatch(gateway)}/plots/times.png"
    etag = (await gateway.http.get(path)).headers["ETag"]
    answer = await gateway.http.get(path, headers={"If-None-Match": etag})
    assert (answer.status_code, answer.content) == (304, b"")


async def test_unknown_plots_and_options_are_refused(gateway: RunningGateway) -> None:
    job_id = add_stopwatch(gateway)
    answer = await gateway.http.get(f"{JOBS}/{job_id}/plots/shapes.png")
    assert (answer.status_code, answer.json()["code"]) == (404, "NOT_FOUND")
    assert "there are: times" in answer.json()["detail"]
    answer = await gateway.http.get(f"{JOBS}/{job_id}/plots/times.png?colour=red")
    assert (answer.status_code, answer.json()["detail"]) == (400, "plots have no option colour")


async def test_kind_without_plots_has_an_empty_list(gateway: RunningGateway) -> None:
    spec = {"function": "a:b", "count": 1}
    job_id = add_job(gateway.orchestrator, kind="call", spec=spec, results=[1])
    assert (await gateway.http.get(f"{JOBS}/{job_id}/plots")).json() == {"plots": []}
    assert (await gateway.http.get(f"{JOBS}/{job_id}/plots/times.png")).status_code == 404
