"""What one task can take from its worker and its fleet is bounded, and it is told so."""

import json
import re
import signal

import psutil
import pytest

from tensorfleet.orchestrator.v1 import job_pb2, resources_pb2
from tests.integration.worker.small_fleet import SmallFleet, lines_of
from tests.integration.worker.test_tasks import is_alive, train

MIB = 1024**2

MEMORY_HOG = """
import sys, time
held = [bytearray(b"x") * (200 * 1024 ** 2)]
print("held")
time.sleep(1000)
"""

# Two processes that share what they hold: 120 MiB, not 240.
SHARING = """
import os, time
held = bytearray(b"x") * (120 * 1024 ** 2)
if os.fork() == 0:
    time.sleep(3)
    os._exit(0)
os.wait()
"""

DISK_HOG = """
import os, time
os.makedirs("deep/er")
block = b"x" * 1024 ** 2
for number in range(1000):
    with open(f"deep/er/{number}", "wb") as file:
        for _ in range(10):
            file.write(block)
    time.sleep(0.02)
time.sleep(1000)
"""

ONE_HUGE_FILE = """
with open("huge", "wb") as file:
    while True:
        file.write(b"x" * 1024 ** 2)
"""

FILE_HOG = """
held = []
while True:
    held.append(open("/dev/null"))
"""

GIGABYTE = """
import sys
block = b"".join(b"line %07d of the block, with words that nobody will read\\n" % n
                 for n in range(20_000))
written = count = 0
print("the first line")
sys.stdout.flush()
while written < 1024 ** 3:
    sys.stdout.buffer.write(block)
    written += len(block)
    count += 20_000
sys.stdout.flush()
print(count, "lines between the first and the last")
sys.exit(5)
"""

SILENT = """
import os, signal, time
import tensorfleet
run = tensorfleet.init()
print("here", flush=True)
time.sleep(2)
if run.params.get("stop"):
    os.kill(os.getpid(), signal.SIGSTOP)
time.sleep(2)
"""


def asking(memory_mib: int) -> resources_pb2.Resources:
    return resources_pb2.Resources(memory_bytes=memory_mib * MIB)


async def test_task_over_its_memory_fails_with_what_it_used_and_its_limit(
    fleet: SmallFleet,
) -> None:
    await fleet.start_worker(memory_tolerance="1.0")
    job_id = await fleet.submit(
        "train", train(), {"train.py": MEMORY_HOG}, resources=asking(memory_mib=100)
    )
    job, _ = await fleet.finish(job_id)
    assert (job.failure.reason, job.failure.signal) == ("OUT_OF_MEMORY", signal.SIGKILL)
    assert "its limit is 100 MiB" in job.failure.message
    used = re.search(r"it used (\d+) MiB", job.failure.message)
    assert used is not None
    assert int(used[1]) > 100


async def test_memory_that_processes_share_counts_once(fleet: SmallFleet) -> None:
    await fleet.start_worker(memory_tolerance="1.0")
    job_id = await fleet.submit(
        "train", train(), {"train.py": SHARING}, resources=asking(memory_mib=200)
    )
    job, _ = await fleet.finish(job_id)
    assert job.state == job_pb2.JOB_STATE_SUCCEEDED


@pytest.mark.parametrize("script", [DISK_HOG, ONE_HUGE_FILE], ids=["files", "file"])
async def test_task_that_fills_the_disk_fails_with_what_its_files_took(
    fleet: SmallFleet, script: str
) -> None:
    await fleet.start_worker(task_disk_bytes=str(100 * MIB))
    job, _ = await fleet.finish(await fleet.submit("train", train(), {"train.py": script}))
    assert job.failure.reason == "DISK_LIMIT"
    assert "the worker's limit is 100 MiB" in job.failure.message


async def test_task_that_opens_files_without_end_fails_by_itself(fleet: SmallFleet) -> None:
    await fleet.start_worker(task_open_files="100")
    job, _ = await fleet.finish(await fleet.submit("train", train(), {"train.py": FILE_HOG}))
    assert job.failure.reason == "USER_CODE"
    assert "Too many open files" in job.failure.message
    job, _ = await fleet.finish(await fleet.submit("train", train(), {"train.py": "print(1)"}))
    assert job.state == job_pb2.JOB_STATE_SUCCEEDED


async def test_script_that_prints_a_gigabyte_ends_soon_and_its_last_lines_are_kept(
    fleet: SmallFleet,
) -> None:
    worker = await fleet.start_worker(output_bytes=str(4 * MIB))
    job, events = await fleet.finish(await fleet.submit("train", train(), {"train.py": GIGABYTE}))
    assert job.failure.exit_code == 5
    lines = lines_of(events)
    assert lines[0] == "the first line"
    assert lines[-1].endswith("lines between the first and the last")
    assert job.failure.output_tail[-1] == lines[-1]
    (note,) = [line for line in lines if "are not kept" in line]
    left_out = int(note.split()[1].replace(",", ""))
    assert left_out + len(lines) - len([lines[0], note, lines[-1]]) == int(lines[-1].split()[0])
    assert sum(map(len, lines)) < 6 * MIB
    assert psutil.Process(worker.pid).memory_info().rss < 300 * MIB


async def test_stopped_process_is_noticed_and_its_attempt_ended(fleet: SmallFleet) -> None:
    worker = await fleet.start_worker(silence_seconds="2")
    spec = train(params={"stop": True})
    job_id = await fleet.submit("train", spec, {"train.py": SILENT})
    pids = []
    async for event in fleet.watch(job_id):
        if "here" in event.log.lines:
            pids = [p.pid for p in psutil.Process(worker.pid).children(recursive=True)]
            break
    job, _ = await fleet.finish(job_id)
    assert job.failure.reason == "HUNG"
    assert "no sign of life" in job.failure.message
    assert pids
    assert not any(map(is_alive, pids))


async def test_process_that_sleeps_but_lives_goes_on_and_so_does_one_without_the_sdk(
    fleet: SmallFleet,
) -> None:
    await fleet.start_worker(silence_seconds="1")
    job_ids = [
        await fleet.submit("train", train(), {"train.py": SILENT}),
        await fleet.submit("command", json.dumps({"command": "sleep 4"})),
    ]
    for job_id in job_ids:
        job, _ = await fleet.finish(job_id)
        assert job.state == job_pb2.JOB_STATE_SUCCEEDED
