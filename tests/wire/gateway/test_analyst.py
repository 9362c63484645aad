"""The process for results: what becomes of it, and of requests when it is in trouble."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import psutil
import pytest

from tensorfleet.gateway.results.questions import Question, TaskRow
from tests.deadlines import eventually
from tests.wire.gateway.jobs_with_results import add_job, install_stopwatch
from tests.wire.gateway.running_gateway import (
    ResultsSetup,
    RunningGateway,
    gateway_running,
)

JOBS = "/api/v1/jobs"
HEAVY = ("numpy", "matplotlib", "pyarrow")


@asynccontextmanager
async def gateway_of(folder: Path, **changes: float) -> AsyncIterator[RunningGateway]:
    setup = ResultsSetup(environment=install_stopwatch(folder), **changes)  # type: ignore[arg-type]
    async with gateway_running(results=setup) as running:
        yield running


def add_stopwatch(gateway: RunningGateway) -> str:
    return add_job(gateway.orchestrator, kind="stopwatch", spec={}, results=[1.5, 2.5])


async def ask(gateway: RunningGateway, do: str, marker: Path | None = None) -> httpx.Response:
    """Asks for the report with the trouble that the kind is to make."""
    query = {"do": do} if marker is None else {"do": do, "marker": str(marker)}
    path = f"{JOBS}/{add_stopwatch(gateway)}/results"
    return await gateway.http.get(path, params=query, timeout=60)


async def test_process_is_there_only_while_it_is_used(tmp_path: Path) -> None:
    async with gateway_of(tmp_path, idle_seconds=0.2) as gateway:
        assert gateway.analyst.pid is None
        assert (await ask(gateway, "")).status_code == 200
        pid = gateway.analyst.pid
        assert pid is not None
        await eventually(lambda: not psutil.pid_exists(pid))
        assert gateway.analyst.pid is None
        assert (await ask(gateway, "")).status_code == 200


async def test_one_process_answers_many_questions(tmp_path: Path) -> None:
    async with gateway_of(tmp_path) as gateway:
        await ask(gateway, "")
        pid = gateway.analyst.pid
        answers = await asyncio.gather(*(ask(gateway, "") for _ in range(8)))
        assert [answer.status_code for answer in answers] == [200] * 8
        assert gateway.analyst.pid == pid


async def test_stopped_gateway_leaves_no_process(tmp_path: Path) -> None:
    async with gateway_of(tmp_path) as gateway:
        await ask(gateway, "")
        pid = gateway.analyst.pid
        assert pid is not None
    assert not psutil.pid_exists(pid)  # also no zombie


async def test_killed_while_idle_it_is_replaced(tmp_path: Path) -> None:
    async with gateway_of(tmp_path) as gateway:
        await ask(gateway, "")
        first = gateway.analyst.pid
        assert first is not None
        os.kill(first, signal.SIGKILL)
        assert (await ask(gateway, "")).status_code == 200
        assert gateway.analyst.pid not in (None, first)


async def test_killed_under_a_request_it_is_asked_once_more(tmp_path: Path) -> None:
    async with gateway_of(tmp_path) as gateway:
        marker = tmp_path / "died"
        answer = await ask(gateway, "die", marker)
        assert answer.status_code == 200
        assert answer.json()["report"]["count"] == 2
        assert marker.exists()


async def test_question_that_kills_it_twice_is_given_up(tmp_path: Path) -> None:
    async with gateway_of(tmp_path) as gateway:
        marker = tmp_path / "deaths"
        answer = await ask(gateway, "always die", marker)
        assert (answer.status_code, answer.json()["code"]) == (503, "UNAVAILABLE")
        assert "died, twice" in answer.json()["detail"]
        assert marker.read_text() == "xx"
        assert (await ask(gateway, "")).status_code == 200


async def test_question_that_takes_too_long_is_ended(tmp_path: Path) -> None:
    async with gateway_of(tmp_path, limit_seconds=5.0) as gateway:
        marker = tmp_path / "asleep"
        asking = asyncio.create_task(ask(gateway, "sleep", marker))
        await eventually(marker.exists)
        pid = gateway.analyst.pid
        assert pid is not None
        answer = await asking
        assert (answer.status_code, answer.json()["code"]) == (504, "DEADLINE_EXCEEDED")
        assert "more than 5 s" in answer.json()["detail"]
        await eventually(lambda: not psutil.pid_exists(pid))
        assert (await ask(gateway, "")).status_code == 200


async def test_too_many_that_wait_are_told_to_come_again(tmp_path: Path) -> None:
    async with gateway_of(tmp_path, max_waiting=2) as gateway:
        marker = tmp_path / "go"
        asking = [asyncio.create_task(ask(gateway, "wait", marker)) for _ in range(5)]
        refused, open_still = await asyncio.wait(asking, return_when=asyncio.FIRST_COMPLETED)
        while len(refused) < 2:
            more, open_still = await asyncio.wait(open_still, return_when=asyncio.FIRST_COMPLETED)
            refused |= more
        for task in refused:
            answer = task.result()
            assert (answer.status_code, answer.json()["code"]) == (503, "UNAVAILABLE")
            assert answer.headers["Retry-After"] == "1"
        marker.touch()
        assert [task.result().status_code for task in (await asyncio.wait(open_still))[0]] == [
            200,
            200,
            200,
        ]


async def test_nobody_waits_for_ever(tmp_path: Path) -> None:
    async with gateway_of(tmp_path, max_wait_seconds=0.1) as gateway:
        marker = tmp_path / "go"
        first = asyncio.create_task(ask(gateway, "wait", marker))
        await eventually(lambda: gateway.analyst.pid is not None)
        assert (await ask(gateway, "")).status_code == 503
        marker.touch()
        assert (await first).status_code == 200


async def test_other_requests_go_on_while_one_is_worked_on(tmp_path: Path) -> None:
    async with gateway_of(tmp_path) as gateway:
        marker = tmp_path / "go"
        first = asyncio.create_task(ask(gateway, "wait", marker))
        await eventually(lambda: gateway.analyst.pid is not None)
        assert (await gateway.http.get(JOBS)).status_code == 200
        assert not first.done()
        marker.touch()
        assert (await first).status_code == 200


async def test_what_the_kind_refuses_is_told_and_what_breaks_in_it_is_not(tmp_path: Path) -> None:
    async with gateway_of(tmp_path) as gateway:
        refused = await ask(gateway, "refuse")
        assert (refused.status_code, refused.json()["code"]) == (409, "CONFLICT")
        assert refused.json()["detail"] == "the kind says no"
        broken = await ask(gateway, "raise")
        assert (broken.status_code, broken.json()["code"]) == (500, "INTERNAL")
        assert "secret" not in broken.text
        assert (await ask(gateway, "")).status_code == 200


async def test_too_much_memory_is_refused(tmp_path: Path) -> None:
    async with gateway_of(tmp_path, memory_bytes=512 * 1024 * 1024) as gateway:
        answer = await ask(gateway, "eat")
        assert (answer.status_code, answer.json()["code"]) == (413, "TOO_LARGE")
        assert "more memory" in answer.json()["detail"]
        assert (await ask(gateway, "")).status_code == 200


async def test_spec_that_the_kind_does_not_take_is_told(tmp_path: Path) -> None:
    async with gateway_of(tmp_path) as gateway:
        job_id = add_job(gateway.orchestrator, kind="stopwatch", spec={"x": 1}, results=[1])
        answer = await gateway.http.get(f"{JOBS}/{job_id}/results")
        assert (answer.status_code, answer.json()["code"]) == (400, "INVALID_JOB")


async def no_tasks() -> AsyncIterator[list[TaskRow]]:
    return
    yield []


def question(**options: str) -> Question:
    return Question(
        job_id="job-1",
        kind="stopwatch",
        name="",
        state="succeeded",
        is_complete=True,
        spec_json="{}",
        wanted="json",
        options=options,
    )


async def test_cancelled_question_leaves_no_answer_for_the_next(tmp_path: Path) -> None:
    async with gateway_of(tmp_path) as gateway:
        marker = tmp_path / "go"
        asking = asyncio.create_task(
            gateway.analyst.ask(question(do="wait", marker=str(marker)), no_tasks)
        )
        await eventually(lambda: gateway.analyst.pid is not None)
        asking.cancel()
        await asyncio.wait([asking])
        assert asking.cancelled()
        marker.touch()
        found = (await ask(gateway, "")).json()
        assert found["report"]["count"] == 2


PARENT = """
import asyncio, os, sys
import uvloop
from tensorfleet.gateway.results.analyst import Analyst
from tests.wire.gateway.test_analyst import no_tasks, question

async def main() -> None:
    analyst = Analyst(
        idle_seconds=300, limit_seconds=60, memory_bytes=2**32, environment=os.environ
    )
    asking = asyncio.create_task(
        analyst.ask(question(do="sleep", marker=sys.argv[2]), no_tasks)
    )
    while analyst.pid is None:
        await asyncio.sleep(0.01)
    print(analyst.pid, flush=True)
    await asking

{"asyncio": asyncio, "uvloop": uvloop}[sys.argv[1]].run(main())
"""


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
async def test_gateway_that_is_killed_leaves_no_orphan(tmp_path: Path, loop: str) -> None:
    marker = tmp_path / "asleep"
    parent = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", PARENT, loop, str(marker)),
        stdout=asyncio.subprocess.PIPE,
        env=install_stopwatch(tmp_path),
    )
    assert parent.stdout is not None
    pid = int(await parent.stdout.readline())
    await eventually(marker.exists, timeout_seconds=30)
    assert _runs(pid)
    parent.kill()
    await parent.wait()
    await eventually(lambda: not _runs(pid))


def _runs(pid: int) -> bool:
    """Whether it is more than a zombie that nobody has collected yet."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


async def test_gateway_itself_loads_nothing_heavy() -> None:
    program = f"""
import asyncio, sys
from tests.wire.gateway.jobs_with_results import add_job
from tests.wire.gateway.running_gateway import gateway_running

async def main():
    async with gateway_running() as gateway:
        spec = {{"function": "a:b", "count": 1}}
        job_id = add_job(gateway.orchestrator, kind="call", spec=spec, results=[1])
        for table_format in ("json", "csv", "parquet"):
            path = f"/api/v1/jobs/{{job_id}}/results?format={{table_format}}"
            assert (await gateway.http.get(path)).status_code == 200
        loaded = set(sys.modules)
        print([m for m in {HEAVY!r} if m in loaded])

asyncio.run(main())
"""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, stdout=asyncio.subprocess.PIPE
    )
    out, _ = await process.communicate()
    assert out.decode().splitlines() == ["[]"]
