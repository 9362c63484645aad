"""The environment that a task's process is given: nothing else of the worker's."""

from collections.abc import Sequence
from pathlib import Path

from tensorfleet.kinds.task_plan import TaskPlan
from tensorfleet.shared import task_channel as channel
from tensorfleet.worker.process_group import MARK_VARIABLE, passed_on


def task_environment(
    plan: TaskPlan,
    root: Path,
    *,
    thread_count: int,
    gpu_ids: Sequence[int],
    socket_descriptor: int,
) -> dict[str, str]:
    """Every variable; the job's own go before those that only suggest.

    Args:
        plan: The task's.
        root: The folder of the process: with `scratch` and `datasets` in it, and its mark.
        thread_count: How many threads numeric libraries should use.
        gpu_ids: The GPUs it may see.
        socket_descriptor: The process's end of its connection to the worker.
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
        "HOME": str(root / "scratch"),
        "TMPDIR": str(root / "scratch"),
        **plan.environment,
        MARK_VARIABLE: str(root),
        channel.SOCKET_VARIABLE: str(socket_descriptor),
        channel.DATASETS_VARIABLE: str(root / "datasets"),
    }
