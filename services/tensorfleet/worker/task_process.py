"""What a task's process runs first: gets a guard and limits, then lets the kind take over.

Run as `python -m tensorfleet.worker.task_process WORKER_PID GUARD_FD ORDER_FILE CODE_FOLDER`; the
folder is empty for a task without code. Tasks that start warm come here from `warm_process`.
"""

import atexit
import os
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import msgspec

from tensorfleet.kinds.outcome import ENTRYPOINT_MISSING_STATUS, EntrypointMissing
from tensorfleet.kinds.registry import find_kind
from tensorfleet.kinds.task_place import TaskPlace
from tensorfleet.kinds.task_plan import TaskPlan
from tensorfleet.shared.task_channel import SOCKET_VARIABLE
from tensorfleet.worker.guard import split_off_guard
from tensorfleet.worker.host_frames import HostOrder
from tensorfleet.worker.task_limits import TaskLimits, apply_limits

if TYPE_CHECKING:
    from tensorfleet.sdk.fleet_run import FleetRun


class TaskOrder(msgspec.Struct, frozen=True, kw_only=True):
    """What the worker wrote for this process: kind, the kind's plan of the task, and limits."""

    kind: str
    plan: TaskPlan
    limits: TaskLimits
    codes: dict[str, str] = {}
    """Folders of the code packages that the plan names, by artifact id."""
    code_artifact_id: str = ""
    worker: str = ""
    """The worker's name."""
    index: int = 0
    task_count: int = 1
    peer_host: str = ""
    cpus: float = 1.0
    memory_bytes: int = 0
    """Of the whole task; 0 means any amount."""
    host: HostOrder | None = None
    """For a process that runs many tasks, each with a plan of its own; they agree in the rest."""


def run_order(order_file: Path, code_folder: Path | None) -> None:
    """Runs the task; the exit status is the user's code's."""
    order = msgspec.json.decode(order_file.read_bytes(), type=TaskOrder)
    apply_limits(order.limits)
    kind = find_kind(order.kind)
    if order.host is not None:
        from tensorfleet.worker.task_host import run_host  # most tasks do without

        run_host(kind, order.host, code_folder)
        return
    place = TaskPlace(
        open_run=connected_run,
        code=code_folder,
        codes={artifact_id: Path(folder) for artifact_id, folder in order.codes.items()},
        code_artifact_id=order.code_artifact_id,
        index=order.index,
        task_count=order.task_count,
        peer_host=order.peer_host,
        worker=order.worker,
        cpus=order.cpus,
        memory_bytes=order.memory_bytes,
    )
    try:
        result = kind.run(order.plan, place)
    except EntrypointMissing as exc:
        sys.stderr.write(f"{exc}\n")
        sys.exit(ENTRYPOINT_MISSING_STATUS)
    if result is not None:
        connected_run().report_result(result)


@cache
def connected_run() -> "FleetRun":
    """The run of this process, connected with the worker at first use."""
    from tensorfleet.sdk.fleet_run import FleetRun  # user code of most kinds connects by itself

    return FleetRun.connect(int(os.environ[SOCKET_VARIABLE]))


def leave_after(run: Callable[[], None]) -> NoReturn:
    """Runs a task and ends the process as Python would, without taking its memory apart.

    What a program can notice of its end happens: its threads are waited for, what it registered
    with `atexit` runs, its output is flushed. Freeing every module of torch, one by one, in a
    process that is gone a moment later would take longer than many tasks.
    """
    status = 0
    try:
        run()
    except SystemExit as exc:
        status = _exit_status(exc)
    except BaseException:  # noqa: BLE001  this is the end of the program
        sys.excepthook(*sys.exc_info())
        status = 1
    for thread in threading.enumerate():
        if thread is not threading.current_thread() and not thread.daemon:
            thread.join()
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError, AttributeError):
            stream.flush()
    os._exit(status)


def _exit_status(exc: SystemExit) -> int:
    if exc.code is None or isinstance(exc.code, int):
        return (exc.code or 0) & 0xFF
    sys.stderr.write(f"{exc.code}\n")
    return 1


def main() -> None:
    """Reads the command line and runs the task."""
    worker_pid, guard_descriptor, order_file, code_folder = sys.argv[1:5]
    split_off_guard(int(guard_descriptor), int(worker_pid))
    code = Path(code_folder) if code_folder else None
    leave_after(lambda: run_order(Path(order_file), code))


if __name__ == "__main__":
    main()
