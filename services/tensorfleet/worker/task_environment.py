"""The variables that every task's process gets."""

from collections.abc import Sequence
from pathlib import Path

from tensorfleet.kinds.task_plan import TaskPlan
from tensorfleet.shared import task_channel as channel
from tensorfleet.worker.process_group import passed_on


def task_environment(
    plan: TaskPlan,
    *,
    thread_count: int,
    gpu_ids: Sequence[int],
    scratch: Path,
    datasets_folder: Path,
    descriptor: int,
) -> dict[str, str]:
    """A few variables of the worker's own, the plan's, and those by which the SDK finds its way.

    Args:
        descriptor: Of the process's end of its connection to the worker.
    """
    threads = str(thread_count)
    return {
        **passed_on(),
        # Numeric libraries take every core of the machine unless they are told otherwise.
        "OMP_NUM_THREADS": threads,
        "MKL_NUM_THREADS": threads,
        "OPENBLAS_NUM_THREADS": threads,
        "CUDA_VISIBLE_DEVICES": ",".join(map(str, gpu_ids)),
        "PYTHONUNBUFFERED": "1",
        "HOME": str(scratch),
        "TMPDIR": str(scratch),
        **plan.environment,
        channel.SOCKET_VARIABLE: str(descriptor),
        channel.DATASETS_VARIABLE: str(datasets_folder),
    }
