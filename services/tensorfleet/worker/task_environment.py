"""The environment that a task's process is given: nothing else of the worker's."""

from collections.abc import Sequence

from tensorfleet.kinds.task_plan import TaskPlan
from tensorfleet.shared import task_channel as channel
from tensorfleet.worker.attempt_files import AttemptFiles
from tensorfleet.worker.process_group import MARK_VARIABLE, passed_on


def task_environment(
    plan: TaskPlan,
    files: AttemptFiles,
    *,
    thread_count: int,
    gpu_ids: Sequence[int],
    socket_descriptor: int,
) -> dict[str, str]:
    """Every variable; the job's own go before those that only suggest."""
    threads = str(thread_count)
    return {
        **passed_on(),
        # Numeric libraries take every core of the machine unless they are told otherwise.
        "OMP_NUM_THREADS": threads,
        "MKL_NUM_THREADS": threads,
        "OPENBLAS_NUM_THREADS": threads,
        "CUDA_VISIBLE_DEVICES": ",".join(map(str, gpu_ids)),
        "PYTHONUNBUFFERED": "1",
        "HOME": str(files.scratch),
        "TMPDIR": str(files.scratch),
        **plan.environment,
        MARK_VARIABLE: str(files.root),
        channel.SOCKET_VARIABLE: str(socket_descriptor),
        channel.DATASETS_VARIABLE: str(files.datasets_folder),
    }
