"""Tasks forked from a process that has imported torch: as good as new, and soon there."""

import asyncio
import json
import signal

import psutil

from tensorfleet.orchestrator.v1 import job_pb2
from tensorfleet.orchestrator.v1 import job_service_pb2 as jobs_pb
from tests.deadlines import eventually
from tests.integration.worker.small_fleet import SmallFleet, lines_of
from tests.integration.worker.test_tasks import is_alive, line_seen

SPEC = json.dumps({"entrypoint": "train.py"})

LOOKING = """
import os, random, sys
print("torch" in sys.modules, "torch._dynamo" in sys.modules)
import numpy, torch
import tensorfleet
print(random.random(), numpy.random.random(), torch.rand(1).item())
print(torch.get_num_threads(), os.getpid() == os.getsid(0), os.getcwd() == sys.path[0])
print(sorted(n for n in os.environ if n.startswith("TENSORFLEET")))
print(len(os.listdir("/proc/self/fd")))
print("to stderr", file=sys.stderr)
run = tensorfleet.init()
run.log(step=1, loss=0.5)
sys.exit(run.params.get("status", 0))
"""


def worker_children(pid: int) -> list[psutil.Process]:
    return psutil.Process(pid).children(recursive=True)


async def test_warm_tasks_are_as_good_as_new(fleet: SmallFleet) -> None:
    await fleet.start_worker(warm_idle_seconds=600)
    told = []
    for _ in range(2):
        job_id = await fleet.submit("train", SPEC, {"train.py": LOOKING})
        job, events = await fleet.finish(job_id)
        assert job.state == job_pb2.JOB_STATE_SUCCEEDED
        assert any(e.metric.step == 1 for e in events if e.HasField("metric"))
        told.append(sorted(lines_of(events)))
    one, two = told
    assert "True True" in one
    assert "1 True True" in one
    assert "to stderr" in one
    ours = ("DATASETS_DIR", "PEER_HOST", "TASK_COUNT", "TASK_FD", "TASK_INDEX", "TASK_OF")
    assert str([f"TENSORFLEET_{name}" for name in ours]) in one
    # Random numbers, and nothing else, differ between two tasks.
    assert len(set(one) - set(two)) == 1
    randoms = [{*line.split()} for lines in told for line in set(lines) - (set(one) & set(two))]
    assert len(randoms[0] | randoms[1]) == 6


async def test_exit_status_and_signal_of_a_warm_task_are_told(fleet: SmallFleet) -> None:
    await fleet.start_worker(warm_idle_seconds=600)
    spec = json.dumps({"entrypoint": "train.py", "params": {"status": 7}})
    job, _ = await fleet.finish(await fleet.submit("train", spec, {"train.py": LOOKING}))
    assert job.failure.exit_code == 7
    script = "import os; os.kill(os.getpid(), 11)"
    job, _ = await fleet.finish(await fleet.submit("train", SPEC, {"train.py": script}))
    assert job.failure.signal == signal.SIGSEGV


async def test_warm_task_is_cancelled_and_the_next_one_starts(fleet: SmallFleet) -> None:
    await fleet.start_worker(warm_idle_seconds=600)
    script = "import time; print('here'); time.sleep(1000)"
    job_id = await fleet.submit("train", SPEC, {"train.py": script})
    await line_seen(fleet, job_id, "here")
    await fleet.door.jobs.CancelJob(jobs_pb.CancelJobRequest(job_id=job_id))
    job, _ = await fleet.finish(job_id)
    assert job.state == job_pb2.JOB_STATE_CANCELLED
    job, _ = await fleet.finish(await fleet.submit("train", SPEC, {"train.py": "print(1)"}))
    assert job.state == job_pb2.JOB_STATE_SUCCEEDED


async def test_killed_worker_takes_its_warm_process_and_tasks_with_it(fleet: SmallFleet) -> None:
    worker = await fleet.start_worker(warm_idle_seconds=600)
    script = "import time; print('here'); time.sleep(1000)"
    job_id = await fleet.submit("train", SPEC, {"train.py": script})
    await line_seen(fleet, job_id, "here")
    pids = [process.pid for process in worker_children(worker.pid)]
    # The warm process, the task's guard, the task, and whoever waits for the next one.
    assert len(pids) in (3, 4)
    worker.send_signal(signal.SIGKILL)
    await worker.wait()
    await eventually(lambda: not any(map(is_alive, pids)))


async def test_lost_warm_process_ends_its_task_and_is_replaced(fleet: SmallFleet) -> None:
    worker = await fleet.start_worker(warm_idle_seconds=600)
    script = "import time; print('here'); time.sleep(1000)"
    job_id = await fleet.submit("train", SPEC, {"train.py": script})
    await line_seen(fleet, job_id, "here")
    psutil.Process(worker.pid).children()[0].kill()
    job, _ = await fleet.finish(job_id)
    assert job.failure.signal == signal.SIGKILL
    job, _ = await fleet.finish(await fleet.submit("train", SPEC, {"train.py": "print(1)"}))
    assert job.state == job_pb2.JOB_STATE_SUCCEEDED


async def test_idle_warm_process_is_ended(fleet: SmallFleet) -> None:
    worker = await fleet.start_worker(warm_idle_seconds=1)
    job, _ = await fleet.finish(await fleet.submit("train", SPEC, {"train.py": "print(1)"}))
    assert job.state == job_pb2.JOB_STATE_SUCCEEDED
    async with asyncio.timeout(20):
        await eventually(lambda: not worker_children(worker.pid), timeout_seconds=15)
