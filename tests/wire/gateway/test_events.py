"""Following a job's events over HTTP."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from tensorfleet.orchestrator.v1 import event_pb2, job_pb2, output_pb2, task_pb2
from tensorfleet.orchestrator.v1.job_service_pb2_grpc import add_JobServiceServicer_to_server
from tests.deadlines import eventually
from tests.wire.gateway.running_gateway import RunningGateway, fake_service, gateway_running

SECONDS = 5


@dataclass
class Frame:
    """One server-sent event."""

    id: str
    event: str
    data: dict[str, Any]


class Reader:
    """Reads frames from an open answer."""

    def __init__(self, answer: httpx.Response) -> None:
        self.answer = answer
        self.comments: list[str] = []
        self._chunks = answer.aiter_raw()
        self._buffer = b""

    async def blocks(self) -> AsyncIterator[str]:
        async for chunk in self._chunks:
            self._buffer += chunk
            while b"\n\n" in self._buffer:
                block, self._buffer = self._buffer.split(b"\n\n", 1)
                yield block.decode()

    async def frames(self) -> AsyncIterator[Frame]:
        async for block in self.blocks():
            if block.startswith(":"):
                self.comments.append(block)
                continue
            fields = dict(line.split(": ", 1) for line in block.split("\n"))
            if "data" in fields:
                yield Frame(fields["id"], fields["event"], json.loads(fields["data"]))

    async def take(self, count: int) -> list[Frame]:
        found: list[Frame] = []
        async with asyncio.timeout(SECONDS):
            async for frame in self.frames():
                found.append(frame)
                if len(found) == count:
                    return found
        raise AssertionError(f"the stream ended after {len(found)} frames")

    async def rest(self) -> list[Frame]:
        async with asyncio.timeout(SECONDS):
            return [frame async for frame in self.frames()]


@asynccontextmanager
async def follow(
    gateway: RunningGateway, job_id: str, query: str = "", **headers: str
) -> AsyncIterator[Reader]:
    url = f"/api/v1/jobs/{job_id}/events{query}"
    async with gateway.http.stream("GET", url, headers=headers) as answer:
        assert answer.status_code == 200
        assert answer.headers["Content-Type"].startswith("text/event-stream")
        assert "no-cache" in answer.headers["Cache-Control"]
        assert "Content-Encoding" not in answer.headers
        yield Reader(answer)


async def new_job(gateway: RunningGateway) -> str:
    job_id: str = (await gateway.http.post("/api/v1/jobs", json={"kind": "train"})).json()["id"]
    return job_id


async def test_old_events_then_new_ones_then_the_end(gateway: RunningGateway) -> None:
    job_id = await new_job(gateway)
    async with follow(gateway, job_id) as reader:
        first = (await reader.take(1))[0]
        assert (first.id, first.event) == ("1", "job_state")
        assert first.data["state"] == "pending"
        assert first.data["is_terminal"] is False
        await gateway.orchestrator.run(job_id)
        assert (await reader.take(1))[0].data["state"] == "running"
        await gateway.orchestrator.end(job_id, job_pb2.JOB_STATE_FAILED)
        last = (await reader.rest())[-1].data
    assert last["is_terminal"] is True
    assert last["failure"]["exit_code"] == 3
    await eventually(lambda: gateway.orchestrator.watchers == 0)


async def test_every_type_of_event(gateway: RunningGateway) -> None:
    job_id = await new_job(gateway)
    add = gateway.orchestrator.add_event
    about = {"task_id": f"{job_id}-0", "attempt": 2}
    await add(
        job_id,
        task_state=event_pb2.TaskStateChange(state=task_pb2.TASK_STATE_RUNNING, worker_id="w-1"),
        **about,
    )
    await add(job_id, progress=event_pb2.Progress(completed=1, total=4, unit="epochs"), **about)
    values = {"loss": 0.5, "bad": float("nan"), "up": float("inf"), "down": float("-inf")}
    await add(job_id, metric=event_pb2.Metric(step=7, values=values), **about)
    await add(job_id, metric=event_pb2.Metric(values={"acc": 1}), **about)
    lines = ["plain", "ünï ✓", "line\u2028separator", 'with "quotes" and \\']
    await add(
        job_id, log=event_pb2.LogLines(stream=event_pb2.LOG_STREAM_STDERR, lines=lines), **about
    )
    await add(
        job_id,
        output=output_pb2.Output(
            type=output_pb2.Output.TYPE_MODEL_VERSION, name="m", version=3, artifact_id="a"
        ),
        **about,
    )
    await add(
        job_id,
        task_state=event_pb2.TaskStateChange(
            state=task_pb2.TASK_STATE_SUCCEEDED, result_json='{"answer": [42]}'
        ),
        **about,
    )
    await add(job_id, notice=event_pb2.Notice(reason="RESOURCES", message="needs 4 GPUs"))
    await gateway.orchestrator.end(job_id, job_pb2.JOB_STATE_SUCCEEDED)
    async with follow(gateway, job_id) as reader:
        frames = await reader.rest()
    assert [frame.id for frame in frames] == [str(n) for n in range(1, 11)]
    for frame in frames:
        assert frame.data["type"] == frame.event
        assert frame.data["sequence"] == int(frame.id)
        assert frame.data["time"].endswith("Z")
    state, progress, metric, stepless, log, output, done, notice = (
        frame.data for frame in frames[1:9]
    )
    assert (state["result"], done["result"]) == (None, {"answer": [42]})
    assert (notice["reason"], notice["message"]) == ("RESOURCES", "needs 4 GPUs")
    assert (state["task_id"], state["attempt"]) == (f"{job_id}-0", 2)
    assert (state["state"], state["worker_id"], state["failure"]) == ("running", "w-1", None)
    assert (progress["completed"], progress["total"], progress["unit"]) == (1, 4, "epochs")
    assert metric["step"] == 7
    assert metric["values"] == {
        "loss": 0.5,
        "bad": "NaN",
        "up": "Infinity",
        "down": "-Infinity",
    }
    assert (stepless["step"], stepless["values"]) == (None, {"acc": 1.0})
    assert (log["stream"], log["lines"]) == ("stderr", lines)
    assert output["output"] == {
        "type": "model_version",
        "name": "m",
        "version": 3,
        "artifact_id": "a",
    }


@pytest.mark.parametrize("way", ["header", "query", "header before query"])
async def test_reader_goes_on_after_the_last_event_it_has(
    gateway: RunningGateway, way: str
) -> None:
    job_id = await new_job(gateway)
    await gateway.orchestrator.run(job_id)
    await gateway.orchestrator.end(job_id, job_pb2.JOB_STATE_SUCCEEDED)
    query = "" if way == "header" else "?after=1" if way == "query" else "?after=0"
    headers = {} if way == "query" else {"Last-Event-ID": "1"}
    async with follow(gateway, job_id, query, **headers) as reader:
        assert [frame.id for frame in await reader.rest()] == ["2", "3"]


async def test_reader_who_has_the_terminal_event_is_told_to_stop(
    gateway: RunningGateway,
) -> None:
    job_id = await new_job(gateway)
    await gateway.orchestrator.end(job_id, job_pb2.JOB_STATE_SUCCEEDED)
    for last in ("2", "3", "99"):
        answer = await gateway.http.get(
            f"/api/v1/jobs/{job_id}/events", headers={"Last-Event-ID": last}
        )
        assert (answer.status_code, answer.content) == (204, b"")


@pytest.mark.parametrize("wrong", ["x", "-1", "1.5", str(2**63), "9" * 40])
async def test_wrong_last_event_id_is_refused(gateway: RunningGateway, wrong: str) -> None:
    job_id = await new_job(gateway)
    url = f"/api/v1/jobs/{job_id}/events"
    assert (await gateway.http.get(url, headers={"Last-Event-ID": wrong})).status_code == 400
    assert (await gateway.http.get(url, params={"after": wrong})).status_code == 400


async def test_broken_streams_behind_the_gateway_leave_no_gap(gateway: RunningGateway) -> None:
    job_id = await new_job(gateway)
    gateway.orchestrator.breaks_to_come = 3
    for n in range(5):
        await gateway.orchestrator.add_event(job_id, progress=event_pb2.Progress(completed=n))
    async with follow(gateway, job_id) as reader:
        assert [frame.id for frame in await reader.take(6)] == ["1", "2", "3", "4", "5", "6"]
        await gateway.orchestrator.end(job_id, job_pb2.JOB_STATE_SUCCEEDED)
        assert [frame.id for frame in await reader.rest()] == ["7"]
    assert gateway.orchestrator.breaks_to_come == 0


async def test_restarted_orchestrator_leaves_no_gap(gateway: RunningGateway) -> None:
    """The server goes away in the midst of a stream and comes back at the same address."""
    job_id = await new_job(gateway)
    async with follow(gateway, job_id) as reader:
        assert [frame.id for frame in await reader.take(1)] == ["1"]
        old = gateway.services["orchestrator"]
        await old.stop(0)
        await gateway.orchestrator.run(job_id)
        async with fake_service(
            "again",
            lambda server: add_JobServiceServicer_to_server(gateway.orchestrator, server),
            listen=f"127.0.0.1:{old.port}",
        ):
            await gateway.orchestrator.end(job_id, job_pb2.JOB_STATE_SUCCEEDED)
            assert [frame.id for frame in await reader.rest()] == ["2", "3"]


async def test_ended_job_whose_events_do_not_come_is_unavailable() -> None:
    async with gateway_running(first_answer_seconds=0.05) as gateway:
        job_id = await new_job(gateway)
        await gateway.orchestrator.end(job_id, job_pb2.JOB_STATE_SUCCEEDED)
        gateway.orchestrator.is_stalled = True
        answer = await gateway.http.get(f"/api/v1/jobs/{job_id}/events")
        assert (answer.status_code, answer.json()["code"]) == (503, "UNAVAILABLE")
        await eventually(lambda: gateway.orchestrator.watchers == 0)


async def test_silent_stream_gives_signs_of_life() -> None:
    async with gateway_running(event_keep_alive_seconds=0.05) as gateway:
        job_id = await new_job(gateway)
        async with follow(gateway, job_id) as reader:
            blocks = reader.blocks()
            async with asyncio.timeout(SECONDS):
                seen = [await anext(blocks) for _ in range(4)]
            assert seen[0] == "retry: 1000"
            assert seen[2:] == [": keep-alive", ": keep-alive"]
            await gateway.orchestrator.end(job_id, job_pb2.JOB_STATE_SUCCEEDED)
            assert [frame.id for frame in await reader.rest()] == ["2"]


async def test_reader_that_goes_away_frees_the_stream(gateway: RunningGateway) -> None:
    job_id = await new_job(gateway)
    async with follow(gateway, job_id) as reader:
        await reader.take(1)
        assert gateway.orchestrator.watchers == 1
        metrics = (await gateway.http.get("/metrics")).text
        assert "tensorfleet_gateway_event_streams_open 1.0" in metrics
    await eventually(lambda: gateway.orchestrator.watchers == 0)

    async def none_open() -> bool:
        metrics = (await gateway.http.get("/metrics")).text
        return "tensorfleet_gateway_event_streams_open 0.0" in metrics

    await eventually(none_open)


async def test_stopping_gateway_ends_streams_at_once(gateway: RunningGateway) -> None:
    job_id = await new_job(gateway)
    async with follow(gateway, job_id) as reader:
        await reader.take(1)
        gateway.stop.set()
        assert await reader.rest() == []


async def test_many_readers_get_the_same_events(gateway: RunningGateway) -> None:
    job_id = await new_job(gateway)

    async def read() -> list[str]:
        async with follow(gateway, job_id) as reader:
            return [frame.id for frame in await reader.rest()]

    readers = [asyncio.create_task(read()) for _ in range(20)]
    await eventually(lambda: gateway.orchestrator.watchers == 20)
    for n in range(50):
        await gateway.orchestrator.add_event(job_id, progress=event_pb2.Progress(completed=n))
    await gateway.orchestrator.end(job_id, job_pb2.JOB_STATE_SUCCEEDED)
    expected = [str(n) for n in range(1, 53)]
    assert await asyncio.gather(*readers) == [expected] * 20


async def test_slow_reader_keeps_little_in_the_gateway_and_others_get_theirs(
    gateway: RunningGateway,
) -> None:
    job_id = await new_job(gateway)
    positions = gateway.orchestrator.watch_positions
    async with slow_reader(gateway, job_id) as slow:
        await eventually(lambda: positions == [1])
        async with follow(gateway, job_id) as quick:
            await eventually(lambda: positions == [1, 1])
            log = event_pb2.LogLines(stream=event_pb2.LOG_STREAM_STDOUT, lines=["x" * 1000] * 40)
            for _ in range(1000):
                await gateway.orchestrator.add_event(job_id, log=log)
            await gateway.orchestrator.end(job_id, job_pb2.JOB_STATE_SUCCEEDED)
            async with asyncio.timeout(60):
                frames = [frame.id async for frame in quick.frames()]
            assert frames == [str(n) for n in range(1, 1003)]
        # 40 MB were written; of that, only what all the sockets on the way hold has been taken.
        assert positions[0] < 150
        ids = []
        async with asyncio.timeout(60):
            async for line in slow:
                if line.startswith(b"id: "):
                    ids.append(int(line[4:]))
                if b'"is_terminal":true' in line:
                    break
        assert ids == list(range(1, 1003))


@asynccontextmanager
async def slow_reader(gateway: RunningGateway, job_id: str) -> AsyncIterator[asyncio.StreamReader]:
    """An answer that is read only when the test reads it."""
    host, port = gateway.url.removeprefix("http://").split(":")
    narrow = socket.socket()
    narrow.setblocking(False)
    narrow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    await asyncio.get_running_loop().sock_connect(narrow, (host, int(port)))
    reader, writer = await asyncio.open_connection(sock=narrow, limit=100_000)
    token = gateway.http.headers["Authorization"]
    head = f"GET /api/v1/jobs/{job_id}/events HTTP/1.1\r\nHost: g\r\nAuthorization: {token}\r\n\r\n"
    writer.write(head.encode())
    try:
        yield reader
    finally:
        writer.transport.abort()
