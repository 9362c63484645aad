"""Load tests the whole way: as jobs on one and on several workers, their events and results."""

import asyncio
import csv
import io
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tensorfleet.sdk.client import Client
from tensorfleet.shared.errors import InvalidJob
from tensorfleet.shared.rest.events import MetricEvent
from tests.fleets import FleetOnDisk

LOCAL = {"alias": "here", "local": True}


class CountingTarget(asyncio.Protocol):
    """Answers every request, and keeps the paths that it was asked for."""

    def __init__(self, paths: list[str]) -> None:
        self._paths = paths

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio.Protocol."""
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """See asyncio.Protocol."""
        self._paths.append(data.split(b" ", 2)[1].decode())
        answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
        self._transport.write(answer)  # type: ignore[attr-defined]


@contextmanager
def counting_target() -> Iterator[tuple[str, list[str]]]:
    """A target's URL, and the paths of all its requests."""
    paths: list[str] = []
    loop = asyncio.new_event_loop()
    server = loop.run_until_complete(
        loop.create_server(lambda: CountingTarget(paths), "127.0.0.1", 0)
    )
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", paths
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        server.close()
        loop.run_until_complete(server.wait_closed())
        loop.close()


@pytest.fixture
def client(fleet: FleetOnDisk) -> Iterator[Client]:
    with fleet.client() as client:
        yield client


def spec_of(url: str, **fields: Any) -> dict[str, Any]:
    return {
        "target": url,
        "steps": [{"path": "/${counter}"}],
        "arrivals": {"shape": "constant", "rate": 100, "duration_seconds": 3},
        **fields,
    }


def load_test(client: Client, spec: dict[str, Any]) -> str:
    job = client.wait(client.submit({"kind": "loadtest", "spec": spec}).id)
    assert job.state == "succeeded", job.failure
    return job.id


@pytest.mark.parametrize("workers", [1, 2])
def test_every_arrival_is_sent_once_and_told_as_events_and_results(
    client: Client, workers: int
) -> None:
    with counting_target() as (url, paths):
        job_id = load_test(client, spec_of(url, workers=workers, monitors=[LOCAL]))
    assert sorted(paths) == sorted(f"/{number}" for number in range(300))
    events = [event for event in client.events(job_id) if isinstance(event, MetricEvent)]
    assert sum(float(event.values["sent"]) for event in events) == 300
    assert sum(float(event.values["answered"]) for event in events) == 300
    results = client.results(job_id)
    assert results["is_complete"]
    (point,) = results["report"]["points"]
    assert point["answered"] == 300
    rows = list(csv.DictReader(io.StringIO(client.results_file(job_id, "csv").decode())))
    assert len(rows) == 1
    assert client.plots(job_id)
    for plot in client.plots(job_id):
        if plot.name in ("spectrum", "latency"):
            assert client.plot(job_id, plot.name)[:8] == b"\x89PNG\r\n\x1a\n"


def test_a_search_as_a_job_finds_a_load(client: Client) -> None:
    with counting_target() as (url, _):
        hold = {"min_seconds": 1, "max_seconds": 2, "rest_seconds": 0, "final_seconds": 1}
        search = {"slo": "p99<5s,errors<1%", "start": 20, "most": 40}
        spec = spec_of(url, find_max_rps=search, hold={**hold, "neighbours": 1})
        del spec["arrivals"]
        job_id = load_test(client, spec)
    assert client.results(job_id)["report"]["search"]["best"] == pytest.approx(40, rel=0.1)


def test_a_target_that_is_down_fails_the_job_with_its_address(client: Client) -> None:
    job = client.wait(client.submit({"kind": "loadtest", "spec": spec_of("http://127.0.0.1:9")}).id)
    assert job.state == "failed"
    assert job.failure is not None
    assert "http://127.0.0.1:9 cannot be reached" in str(job.failure)


def test_a_wrong_spec_is_refused_with_every_field(client: Client) -> None:
    spec = spec_of("ftp://x", loads=[0, -1])
    with pytest.raises(InvalidJob) as refused:
        client.submit({"kind": "loadtest", "spec": spec})
    assert {field.field for field in refused.value.fields} == {
        "spec.target",
        "spec.loads[0]",
        "spec.loads[1]",
    }
