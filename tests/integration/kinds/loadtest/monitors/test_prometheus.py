import socket
from typing import Any

import pytest

from tensorfleet.kinds.loadtest.monitors.prometheus import MOST_PAGE_BYTES, PrometheusSource
from tests.deadlines import eventually
from tests.integration.kinds.loadtest.monitors.exporter import exporter, node_page
from tests.integration.kinds.loadtest.monitors.sinks import (
    INTERVAL_SECONDS,
    assert_is_this_machine,
    running_clock,
    watching,
)


def source_at(url: str, **options: Any) -> PrometheusSource:
    fields: dict[str, Any] = {
        "shown_url": url,
        "clock": running_clock(),
        "interval_seconds": INTERVAL_SECONDS,
    }
    return PrometheusSource(url, **(fields | options))


async def test_machine_is_watched_by_its_node_exporter() -> None:
    clock = running_clock()
    async with exporter() as served, watching(source_at(served.url, clock=clock)) as sink:
        await eventually(sink.has(3))
        ended_at = clock()
    assert sink.problems == []
    assert_is_this_machine(sink.samples[0])
    assert sink.core_count == len(sink.samples[0].cores)
    times = [sample.at for sample in sink.samples]
    assert times == sorted(times)
    assert times[-1] < ended_at


@pytest.mark.parametrize(
    ("status", "page", "told"),
    [
        (404, "not here", "status 404"),
        (200, "<html>hello</html>", "line 1 is no metric"),
        (200, "go_goroutines 7\n", "a node exporter's page is needed"),
        (200, "#" * (MOST_PAGE_BYTES + 1), "larger than"),
    ],
)
async def test_answer_that_is_no_page_is_told(status: int, page: str, told: str) -> None:
    async with exporter() as served:
        served.status, served.page = status, lambda: page
        async with watching(source_at(served.url)) as sink:
            await eventually(lambda: bool(sink.problems))
            assert sink.is_settled
    assert told in sink.problems[0]
    assert served.url in sink.problems[0]


async def test_silent_exporter_is_told_and_watched_when_it_speaks() -> None:
    async with exporter() as served:
        served.page = None
        async with watching(source_at(served.url, timeout_seconds=0.1)) as sink:
            await eventually(lambda: bool(sink.problems))
            served.page = node_page
            await eventually(sink.has(1))
    assert "no answer within 0.1 s" in sink.problems[0]


async def test_gap_is_not_bridged_by_a_sample() -> None:
    async with exporter() as served, watching(source_at(served.url)) as sink:
        await eventually(sink.has(1))
        served.status = 500
        await eventually(lambda: bool(sink.problems))
        before = list(sink.samples)
        requests = served.requests
        served.status = 200
        await eventually(sink.has(len(before) + 1))
        # One page alone tells nothing: a sample needs two after the gap.
        assert served.requests >= requests + 2


@pytest.mark.parametrize("url", ["db:9100", "", "http://", "ftp://db/metrics"])
async def test_what_is_no_url_is_told(url: str) -> None:
    async with watching(source_at(url)) as sink:
        await eventually(lambda: bool(sink.problems))
    assert "http://HOST:9100/metrics" in sink.problems[0]


async def test_refused_connection_is_told() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/metrics"
        async with watching(source_at(url)) as sink:
            await eventually(lambda: bool(sink.problems))
    assert "trying again" in sink.problems[0]


async def test_wish_for_processes_is_answered() -> None:
    async with (
        exporter() as served,
        watching(source_at(served.url, process_names=("nginx",))) as sink,
    ):
        await eventually(lambda: bool(sink.problems))
    assert "nginx" in sink.problems[0]
