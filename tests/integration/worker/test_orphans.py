"""Nothing that a task starts outlives the task, whatever ends it and wherever it hides."""

import json
import os
import signal
from asyncio.subprocess import Process
from collections.abc import Awaitable, Callable

import psutil
import pytest

from tensorfleet.orchestrator.v1 import job_pb2
from tensorfleet.orchestrator.v1 import job_service_pb2 as jobs_pb
from tests.deadlines import eventually
from tests.integration.worker.small_fleet import SmallFleet
from tests.integration.worker.test_tasks import is_alive

SPEC = json.dumps({"entrypoint": "train.py"})

# Starts a daemon the hard way, as services do: a double fork, a session of its own, an empty
# environment, no signal but SIGKILL heard. Prints its pid and its own.
ESCAPING = """
import os, signal, sys, time
DAEMON = '''
import os, signal, sys, time
for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
    signal.signal(number, signal.SIG_IGN)
os.write(int(sys.argv[1]), str(os.getpid()).encode())
os.close(int(sys.argv[1]))
time.sleep(1000)
'''
read, write = os.pipe()
if os.fork() == 0:
    os.setsid()
    if os.fork():
        os._exit(0)
    os.set_inheritable(write, True)
    for descriptor in (0, 1, 2):
        os.dup2(os.open(os.devnull, os.O_RDWR), descriptor)
    os.execve(sys.executable, [sys.executable, "-c", DAEMON, str(write)], {})
os.close(write)
daemon = int(os.read(read, 100))
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print(daemon, os.getpid())
if len(sys.argv) > 1:
    sys.exit(int(sys.argv[1]))
time.sleep(1000)
"""

End = Callable[[SmallFleet, str, Process], Awaitable[None]]


async def cancel(fleet: SmallFleet, job_id: str, _worker: Process) -> None:
    await fleet.door.jobs.CancelJob(jobs_pb.CancelJobRequest(job_id=job_id))


async def time_out(_fleet: SmallFleet, _job_id: str, _worker: Process) -> None:
    """It does by itself."""


async def stop_worker(_fleet: SmallFleet, _job_id: str, worker: Process) -> None:
    worker.send_signal(signal.SIGTERM)


async def kill_worker(_fleet: SmallFleet, _job_id: str, worker: Process) -> None:
    worker.send_signal(signal.SIGKILL)


async def pids_of(fleet: SmallFleet, job_id: str) -> list[int]:
    """What the script printed: its daemon's pid and its own."""
    async for event in fleet.watch(job_id):
        if event.log.lines:
            return [int(word) for word in event.log.lines[0].split()]
    raise AssertionError("the script printed nothing")


@pytest.mark.parametrize("warm_idle_seconds", [0, 600], ids=["cold", "warm"])
@pytest.mark.parametrize("end", [cancel, time_out, stop_worker, kill_worker])
async def test_daemon_of_a_task_ends_with_it(
    fleet: SmallFleet, end: End, warm_idle_seconds: float
) -> None:
    worker = await fleet.start_worker(
        warm_idle_seconds=warm_idle_seconds, drain_grace_seconds="0.5"
    )
    limit = job_pb2.JobSpec()
    limit.attempt_timeout.FromSeconds(2 if end is time_out else 600)
    job_id = await fleet.submit(
        "train", SPEC, {"train.py": ESCAPING}, attempt_timeout=limit.attempt_timeout
    )
    pids = await pids_of(fleet, job_id)
    if end is not time_out:
        assert all(map(is_alive, pids))
    await end(fleet, job_id, worker)
    # A cancelled script that ignores SIGTERM has the fleet's whole grace, 10 s.
    await eventually(lambda: not any(map(is_alive, pids)), timeout_seconds=15)


@pytest.mark.parametrize("status", ["0", "3"])
async def test_daemon_of_a_task_that_exits_ends_with_it_and_the_status_is_told(
    fleet: SmallFleet, status: str
) -> None:
    await fleet.start_worker()
    spec = json.dumps({"entrypoint": "train.py", "args": [status]})
    job_id = await fleet.submit("train", spec, {"train.py": ESCAPING})
    pids = await pids_of(fleet, job_id)
    job, _ = await fleet.finish(job_id)
    assert not any(map(is_alive, pids))
    assert job.failure.exit_code == int(status)


async def test_task_ends_also_when_its_guard_is_killed(fleet: SmallFleet) -> None:
    worker = await fleet.start_worker()
    command = "setsid sleep 1000 & echo $! $$; wait"
    job_id = await fleet.submit("command", json.dumps({"command": command}))
    pids = await pids_of(fleet, job_id)
    (guard,) = psutil.Process(worker.pid).children()
    guard.kill()
    job, _ = await fleet.finish(job_id)
    assert job.failure.signal == signal.SIGKILL
    assert not any(map(is_alive, pids))


async def test_task_ends_also_when_its_guard_is_stopped(fleet: SmallFleet) -> None:
    worker = await fleet.start_worker()
    command = "setsid sleep 1000 & echo $! $$; wait"
    job_id = await fleet.submit("command", json.dumps({"command": command}))
    pids = await pids_of(fleet, job_id)
    (guard,) = psutil.Process(worker.pid).children()
    guard.suspend()
    await cancel(fleet, job_id, worker)
    job, _ = await fleet.finish(job_id)
    assert job.state == job_pb2.JOB_STATE_CANCELLED
    assert not any(map(is_alive, pids))


async def test_restarted_worker_sweeps_what_its_last_life_and_its_guards_left(
    fleet: SmallFleet,
) -> None:
    first = await fleet.start_worker("same")
    # One keeps the mark of its worker in a session of its own, the other only the session.
    command = "setsid sleep 1000 & echo $! $(env -i sh -c 'sleep 1000 >/dev/null & echo $!'); wait"
    job_id = await fleet.submit("command", json.dumps({"command": command}))
    left = await pids_of(fleet, job_id)
    (guard,) = psutil.Process(first.pid).children()
    os.kill(first.pid, signal.SIGSTOP)
    guard.kill()
    first.kill()
    await first.wait()
    assert all(map(is_alive, left))
    await fleet.start_worker("same")
    await eventually(lambda: not any(map(is_alive, left)))
    await cancel(fleet, job_id, first)
