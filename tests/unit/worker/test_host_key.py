"""How many processes a worker runs for tasks of one sort."""

import pytest

from tensorfleet.kinds.task_plan import TaskPlan
from tensorfleet.orchestrator.v1 import dispatch_service_pb2 as pb
from tensorfleet.orchestrator.v1 import resources_pb2
from tensorfleet.worker.host_key import HostKey, process_limit

GIB = 1 << 30


@pytest.mark.parametrize(
    ("cpus", "memory_bytes", "gpus", "expected"),
    [
        (0.005, 1 << 20, 0, 4),
        (1, GIB, 0, 4),
        (2, GIB, 0, 2),
        (0.5, GIB, 0, 8),
        (0.1, 1 << 20, 0, 16),
        (8, GIB, 0, 1),
        (0.005, 8 * GIB, 0, 2),
        (0.5, GIB, 1, 2),
    ],
)
def test_processes_fit_cores_memory_and_gpus(
    cpus: float, memory_bytes: int, gpus: int, expected: int
) -> None:
    resources = resources_pb2.Resources(cpus=cpus, memory_bytes=memory_bytes, gpus=gpus)
    key = HostKey.of(pb.Assignment(resources=resources), TaskPlan())
    assert process_limit(key, cpus=4, memory_bytes=16 * GIB, gpus=2) == expected
