"""Tasks of a gang on real workers meet: by the SDK in a user's code, and in a kind's own code."""

import json
import sys

from tensorfleet.orchestrator.v1 import job_pb2
from tensorfleet.orchestrator.v1 import job_service_pb2 as jobs_pb
from tests.integration.worker.small_fleet import SmallFleet, lines_of

MEETING = """
import os, socket
import tensorfleet
run = tensorfleet.init()
host, index = os.environ["TENSORFLEET_PEER_HOST"], int(os.environ["TENSORFLEET_TASK_INDEX"])
with socket.create_server((host, 0)) as server:
    addresses = run.meet(f"{host}:{server.getsockname()[1]}", timeout_seconds=30)
    if index == 0:
        accepted, _ = server.accept()
        print("heard", accepted.makefile().read())
    else:
        to, port = addresses[0].rsplit(":", 1)
        with socket.create_connection((to, int(port)), timeout=20) as peer:
            peer.sendall(b"hello from task %d" % index)
"""
ALONE = """
import tensorfleet
tensorfleet.init().meet("here:1", timeout_seconds=0.3)
"""


async def test_two_scripts_meet_and_talk(fleet: SmallFleet) -> None:
    await fleet.start_worker("w1", cpus="1")
    await fleet.start_worker("w2", cpus="1")
    spec = json.dumps({"command": [sys.executable, "meeting.py"], "count": 2})
    job_id = await fleet.submit("command", spec, {"meeting.py": MEETING}, gang=True)
    job, events = await fleet.finish(job_id)
    assert job.state == job_pb2.JOB_STATE_SUCCEEDED, lines_of(events)
    assert lines_of(events) == ["heard hello from task 1"]


async def test_kinds_own_code_meets_at_the_address_that_the_worker_was_given(
    fleet: SmallFleet,
) -> None:
    await fleet.start_worker("w1", cpus="1", peer_host="10.9.8.7")
    await fleet.start_worker("w2", cpus="1", peer_host="10.9.8.7")
    spec = json.dumps({"routes": ["line", "circle"], "together": True})
    job, events = await fleet.finish(await fleet.submit("walk", spec))
    assert job.state == job_pb2.JOB_STATE_SUCCEEDED, lines_of(events)
    tasks = (await fleet.door.jobs.ListTasks(jobs_pb.ListTasksRequest(job_id=job.id))).tasks
    met = ["10.9.8.7#0", "10.9.8.7#1"]
    assert [json.loads(task.result_json) for task in tasks] == [
        {"steps": 2, "met": met, "of": 2},
        {"steps": 3, "met": met, "of": 2},
    ]


async def test_task_whose_peer_does_not_come_is_told_which(fleet: SmallFleet) -> None:
    await fleet.start_worker("w1", cpus="2")
    alone = f"exec {sys.executable} alone.py"
    line = f'if [ "$TENSORFLEET_TASK_INDEX" = 0 ]; then {alone}; else sleep 30; fi'
    spec = json.dumps({"command": line, "count": 2})
    job_id = await fleet.submit("command", spec, {"alone.py": ALONE}, gang=True)
    job, events = await fleet.finish(job_id)
    assert job.state == job_pb2.JOB_STATE_FAILED
    (last,) = [line for line in lines_of(events) if "DeadlineExceeded" in line]
    assert "within 0.3 s: task 1 did not come" in last
