"""Small tasks in processes that stay: what comes back, and what one of them may do to others."""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.deadlines import eventually
from tests.integration.worker.scripted_orchestrator import (
    CANCELLED,
    FAILED,
    LOST,
    SUCCEEDED,
    ScriptedOrchestrator,
    start_server,
)

USER_CODE = """
import ctypes, os, subprocess, sys, threading, time

IMPORTED_BY = os.getpid()
_runs = 0

def process(_=None):
    global _runs
    _runs += 1
    return [os.getpid(), _runs]

def number(index): return index
def nothing(): return None
def joined(a, b, *, c="-"): return f"{a}{c}{b}"
def variable(name): return os.environ.get(name)
def fail(_): raise ValueError("boom")
def leave(status): sys.exit(status)
def vanish(status): os._exit(status)
def crash(_): ctypes.string_at(0)
def large(size): return "x" * size
def strange(_): return object()
def infinite(_): return {"loss": [1.0, float("inf")]}
def mixed(_): return {1: 2, "x": 3, (1, 2): 4}

def speak(name):
    print(f"{name} says\\nhello", end="")
    print(f"{name} complains", file=sys.stderr)
    return name

def echo(name):
    subprocess.run(["echo", f"{name} by another"], check=True)
    os.write(1, f"{name} raw\\n".encode())

def wait(name):
    print("here", os.getpid(), flush=True)
    time.sleep(1000)

def stubborn(name):
    import signal
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    wait(name)

def until(path):
    print("here", os.getpid(), flush=True)
    while not os.path.exists(path):
        time.sleep(0.01)
    return path

def grow(_):
    global kept
    kept = bytearray(os.urandom(1 << 20) * 600)
    return os.getpid()
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Calls:
    """A scripted orchestrator, and workers that have a module `user`."""

    orchestrator: ScriptedOrchestrator
    address: str
    folder: Path
    stack: AsyncExitStack

    async def start_worker(self, **settings: str) -> Process:
        """A worker of two cores; it is killed at the end of the test if it still runs."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tensorfleet.worker"),
            env={
                "PATH": os.environ["PATH"],
                "TENSORFLEET_SERVICE_TOKEN": "a-token-that-only-the-tests-know-0123456789",
                "TENSORFLEET_WORKER_NAME": "w1",
                "TENSORFLEET_WORKER_CPUS": "2",
                "TENSORFLEET_WORKER_DATA_DIR": str(self.folder / "data"),
                "TENSORFLEET_WORKER_METRICS_LISTEN": "",
                "TENSORFLEET_ORCHESTRATOR_ADDRESS": self.address,
                **{f"TENSORFLEET_WORKER_{name.upper()}": text for name, text in settings.items()},
            },
        )
        self.stack.push_async_callback(_end, process)
        await eventually(lambda: self.orchestrator.credits > 0)
        return process

    def assign(self, task_ids: list[str], function: str, **options: Any) -> None:
        """Assigns calls of a function of the module `user`."""
        options["environment"] = {
            "PYTHONPATH": str(self.folder / "code"),
            **options.get("environment", {}),
        }
        self.orchestrator.assign(task_ids, f"user:{function}", **options)

    async def call(self, task_id: str, function: str, *args: Any, **options: Any) -> Any:
        """The end of one call."""
        self.assign([task_id], function, arguments=[{"args": args}], **options)
        (end,) = await self.orchestrator.ended([task_id])
        return end


@pytest.fixture
async def calls(tmp_path: Path) -> AsyncIterator[Calls]:
    """No worker yet."""
    orchestrator = ScriptedOrchestrator()
    server, address = await start_server(orchestrator)
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "user.py").write_text(USER_CODE)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(server.stop, 0)
        workers = await stack.enter_async_context(AsyncExitStack())
        yield Calls(orchestrator=orchestrator, address=address, folder=tmp_path, stack=workers)


async def _end(process: Process) -> None:
    if process.returncode is None:
        process.send_signal(signal.SIGKILL)
    await process.wait()


def names(prefix: str, count: int) -> list[str]:
    return [f"{prefix}-{n}" for n in range(count)]


async def gone(pid: int, timeout_seconds: float = 10) -> None:
    """Returns when a process has ended."""
    await eventually(lambda: not psutil.pid_exists(pid), timeout_seconds=timeout_seconds)


async def pid_of(calls: Calls, task_id: str) -> int:
    """Of the process in which a task waits."""
    await eventually(lambda: bool(calls.orchestrator.lines(task_id)))
    return int(calls.orchestrator.lines(task_id)[0].split()[1])


async def test_what_a_function_returns_is_the_tasks_result(calls: Calls) -> None:
    await calls.start_worker()
    calls.assign(
        ["a", "b"],
        "joined",
        arguments=[{"args": [1, 2]}, {"args": ["x"], "kwargs": {"b": None, "c": "+"}}],
    )
    calls.assign(["c", "d"], "number", arguments=[{"index": 0}, {"index": 1}])
    calls.assign(["e"], "nothing", arguments=[{"index": 5}])
    calls.assign(["f"], "variable", arguments=[{"args": ["COLOUR"]}], environment={"COLOUR": "red"})
    calls.assign(["g"], "variable", arguments=[{"args": ["TENSORFLEET_SERVICE_TOKEN"]}])
    assert await calls.orchestrator.results("abcdefg") == [
        *("1-2", "x+None", 0, 1, None, "red", None)
    ]


async def test_many_calls_share_few_processes_that_import_the_function_once(calls: Calls) -> None:
    await calls.start_worker()
    ids = names("t", 500)
    calls.assign(ids, "process")
    runs = await calls.orchestrator.results(ids)
    by_process: dict[int, list[int]] = {}
    for pid, run in runs:
        by_process.setdefault(pid, []).append(run)
    assert len(by_process) <= 2
    assert all(sorted(found) == list(range(1, len(found) + 1)) for found in by_process.values())


async def test_processes_are_shared_within_an_owner_and_an_environment_only(calls: Calls) -> None:
    await calls.start_worker()
    options: list[dict[str, Any]] = [{}, {"owner": "bob"}, {"environment": {"A": "1"}}]
    for n, option in enumerate([*options, *options]):
        calls.assign([f"t-{n}"], "process", **option)
        await calls.orchestrator.ended([f"t-{n}"])
    pids = [pid for pid, _ in await calls.orchestrator.results(names("t", 6))]
    assert pids[:3] == pids[3:]
    assert len(set(pids)) == 3


@pytest.mark.parametrize(
    ("function", "argument", "reason", "message"),
    [
        ("fail", 0, "USER_CODE", "ValueError: boom"),
        ("leave", 3, "USER_CODE", "sys.exit(3)"),
        ("vanish", 3, "USER_CODE", "status 3"),
        ("vanish", 0, "USER_CODE", "status 0"),
        ("crash", 0, "USER_CODE", "SIGSEGV"),
        ("large", 64 * 1024, "RESULT_TOO_LARGE", "as an artifact"),
        ("strange", 0, "RESULT_NOT_JSON", "type object"),
        ("infinite", 0, "RESULT_NOT_JSON", "infinity"),
        ("mixed", 0, "RESULT_NOT_JSON", "type dict"),
        ("missing", 0, "ENTRYPOINT_NOT_FOUND", "user has no function missing"),
    ],
)
async def test_call_that_goes_wrong_fails_alone(
    calls: Calls, function: str, argument: int, reason: str, message: str
) -> None:
    await calls.start_worker()
    before, after = names("before", 20), names("after", 20)
    calls.assign(before, "process")
    calls.assign(["bad"], function, arguments=[{"args": [argument]}])
    calls.assign(after, "process")
    (end,) = await calls.orchestrator.ended(["bad"])
    assert (end.outcome, end.failure.reason) == (FAILED, reason)
    assert message in end.failure.message
    assert len(await calls.orchestrator.results(before + after)) == 40


async def test_traceback_of_an_exception_is_told_without_our_own_frames(calls: Calls) -> None:
    await calls.start_worker()
    end = await calls.call("a", "fail", 0)
    assert end.failure.output_tail[-1] == "ValueError: boom"
    text = "\n".join(end.failure.output_tail)
    assert "in fail" in text
    assert "tensorfleet" not in text


async def test_module_that_is_not_there_is_named(calls: Calls) -> None:
    await calls.start_worker()
    calls.orchestrator.assign(["a"], "no_such_module:function")
    (end,) = await calls.orchestrator.ended(["a"])
    assert end.failure.reason == "ENTRYPOINT_NOT_FOUND"
    assert "no_such_module" in end.failure.message


async def test_output_goes_to_the_task_that_wrote_it_and_before_its_end(calls: Calls) -> None:
    await calls.start_worker()
    ids = names("t", 100)
    calls.assign(ids, "speak")
    assert await calls.orchestrator.results(ids) == ids
    for name in ids:
        assert sorted(calls.orchestrator.lines(name)) == sorted(
            [f"{name} says", "hello", f"{name} complains"]
        )
    ids = names("u", 10)
    calls.assign(ids, "echo")
    await calls.orchestrator.results(ids)
    for name in ids:
        assert calls.orchestrator.lines(name) == [f"{name} by another", f"{name} raw"]


async def test_call_over_its_time_limit_is_stopped_and_others_go_on(calls: Calls) -> None:
    await calls.start_worker(cpus="1")
    ids = names("t", 20)
    calls.assign([*ids[:10]], "process")
    calls.assign(["slow"], "wait", timeout_seconds=0.5)
    calls.assign([*ids[10:]], "process", timeout_seconds=0.5)
    (end,) = await calls.orchestrator.ended(["slow"])
    assert (end.outcome, end.failure.reason) == (FAILED, "TIMEOUT")
    assert len(await calls.orchestrator.results(ids)) == 20


async def test_cancelled_call_ends_and_those_behind_it_run(calls: Calls) -> None:
    await calls.start_worker(cpus="1")
    calls.assign(["slow"], "stubborn")
    pid = await pid_of(calls, "slow")
    calls.assign(["behind", "unwanted"], "process")
    calls.orchestrator.cancel("unwanted")
    (end,) = await calls.orchestrator.ended(["unwanted"])
    assert end.outcome == CANCELLED
    assert psutil.pid_exists(pid)
    calls.orchestrator.cancel("slow", grace_seconds=0.2)
    (end,) = await calls.orchestrator.ended(["slow"])
    assert (end.outcome, end.failure.signal) == (CANCELLED, signal.SIGKILL)
    ((other, _),) = await calls.orchestrator.results(["behind"])
    assert other != pid


async def test_long_call_does_not_hold_up_those_that_were_queued_behind_it(calls: Calls) -> None:
    await calls.start_worker()
    warm = names("warm", 500)
    calls.assign(warm, "process")
    await calls.orchestrator.results(warm)
    gate = calls.folder / "gate"
    ids = names("t", 100)
    # In one assignment, so that some come to stand behind the long one.
    calls.assign(["long"], "until", arguments=[{"args": [str(gate)]}])
    calls.assign(ids, "process")
    await calls.orchestrator.results(ids)
    assert "long" not in calls.orchestrator.ends
    gate.touch()
    assert await calls.orchestrator.results(["long"]) == [str(gate)]


async def test_calls_that_need_a_core_run_at_the_same_time(calls: Calls) -> None:
    await calls.start_worker()
    gate = calls.folder / "gate"
    calls.assign(["a", "b"], "until", arguments=[{"args": [str(gate)]}] * 2, cpus=1)
    assert await pid_of(calls, "a") != await pid_of(calls, "b")
    gate.touch()
    await calls.orchestrator.results(["a", "b"])


async def test_broken_session_loses_no_end_and_tells_what_runs(calls: Calls) -> None:
    await calls.start_worker()
    orchestrator = calls.orchestrator
    await eventually(lambda: orchestrator.credits == 1_000)
    orchestrator.is_silent = True
    ids = names("t", 50)
    calls.assign(ids, "process")
    calls.assign(["w"], "wait")
    await pid_of(calls, "w")
    await eventually(lambda: orchestrator.end_count == 50)
    await eventually(
        lambda: bool(orchestrator.renewals) and len(orchestrator.renewals[-1].attempts) == 51
    )
    orchestrator.is_silent = False
    orchestrator.end_session()
    assert len(await orchestrator.results(ids)) == 50
    running = {attempt.ref.task_id for attempt in orchestrator.registrations[-1].running}
    assert running == {*ids, "w"}
    # Each end that is recorded gives its slot back.
    await eventually(lambda: orchestrator.credits >= 999)
    assert orchestrator.credits == 999


async def test_call_of_another_worker_by_now_is_killed_and_not_told(calls: Calls) -> None:
    await calls.start_worker()
    calls.assign(["w"], "wait")
    pid = await pid_of(calls, "w")
    await eventually(lambda: any(r.attempts for r in calls.orchestrator.renewals))
    ref = next(r.attempts[0] for r in reversed(calls.orchestrator.renewals) if r.attempts)
    calls.orchestrator.send(leases_renewed={"lost": [ref]})
    await gone(pid)
    await eventually(lambda: calls.orchestrator.credits == 1_000)
    assert "w" not in calls.orchestrator.ends


async def test_stopped_worker_lets_a_call_end_and_hands_the_others_back(calls: Calls) -> None:
    worker = await calls.start_worker(cpus="1", drain_grace_seconds="20")
    gate = calls.folder / "gate"
    calls.assign(["running"], "until", arguments=[{"args": [str(gate)]}])
    await pid_of(calls, "running")
    ids = names("t", 5)
    calls.assign(ids, "process")
    # All is there when a call that comes after it has been refused.
    calls.assign(["late"], "process")
    calls.orchestrator.cancel("late")
    await calls.orchestrator.ended(["late"])
    worker.send_signal(signal.SIGTERM)
    ends = await calls.orchestrator.ended(ids)
    assert {end.outcome for end in ends} == {LOST}
    gate.touch()
    (end,) = await calls.orchestrator.ended(["running"])
    assert end.outcome == SUCCEEDED
    async with asyncio.timeout(15):
        assert await worker.wait() == 0


async def test_killed_worker_takes_its_processes_with_it(calls: Calls) -> None:
    worker = await calls.start_worker()
    calls.assign(["w"], "wait")
    pid = await pid_of(calls, "w")
    worker.send_signal(signal.SIGKILL)
    await worker.wait()
    await gone(pid)


async def test_idle_process_is_ended(calls: Calls) -> None:
    await calls.start_worker(warm_idle_seconds="0.5")
    end = await calls.call("a", "process", 0)
    pid = int(end.result_json.strip("[]").split(",")[0])
    await gone(pid)


async def test_process_is_replaced_after_so_many_calls(calls: Calls) -> None:
    await calls.start_worker(cpus="1", shared_process_tasks="10")
    for round_ in range(3):
        ids = names(f"r{round_}", 10)
        calls.assign(ids, "process")
        runs = await calls.orchestrator.results(ids)
        pid = runs[0][0]
        await gone(pid)


async def test_process_that_has_grown_is_replaced(calls: Calls) -> None:
    await calls.start_worker(cpus="1")
    await calls.call("a", "process", 0)
    # The first size is looked at only now and then.
    end = await calls.call("b", "grow", 0)
    assert end.outcome == SUCCEEDED
    await gone(int(end.result_json), timeout_seconds=20)


async def test_preloaded_modules_are_there_before_the_function(calls: Calls) -> None:
    await calls.start_worker()
    arguments = [{"args": ["'xmlrpc.client' in __import__('sys').modules"]}]
    calls.orchestrator.assign(
        ["a"], "builtins:eval", arguments=arguments, preload=["xmlrpc.client"]
    )
    calls.orchestrator.assign(["b"], "builtins:eval", arguments=arguments)
    assert await calls.orchestrator.results(["a", "b"]) == [True, False]


async def test_more_keys_than_processes_take_turns(calls: Calls) -> None:
    await calls.start_worker(shared_processes="2")
    for n in range(6):
        calls.assign(names(f"k{n}", 5), "process", environment={"N": str(n)})
    ids = [name for n in range(6) for name in names(f"k{n}", 5)]
    pids = [pid for pid, _ in await calls.orchestrator.results(ids)]
    by_key = [{*pids[first : first + 5]} for first in range(0, 30, 5)]
    assert len(set.union(*by_key)) == sum(map(len, by_key))
