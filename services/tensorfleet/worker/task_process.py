"""What a task's process runs first: ties its life to the worker's, then lets the kind take over.

Run as `python -m tensorfleet.worker.task_process WORKER_PID PLAN_FILE CODE_FOLDER`; the folder is
empty for a task without code.
"""

import ctypes
import os
import signal
import sys
from pathlib import Path

import msgspec

from tensorfleet.kinds.outcome import EntrypointMissing
from tensorfleet.kinds.registry import find_kind
from tensorfleet.kinds.task_plan import TaskPlan
from tensorfleet.worker.attempt_end import ENTRYPOINT_MISSING_STATUS

PR_SET_PDEATHSIG = 1


class TaskOrder(msgspec.Struct, frozen=True, kw_only=True):
    """What the worker wrote for this process: the kind, and the kind's plan of the task."""

    kind: str
    plan: TaskPlan


def die_with_parent(parent_pid: int) -> None:
    """Lets the kernel kill this process when the worker dies, however it does."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent_pid:
        # It died before the line above; then nobody would ever tell.
        os.kill(os.getpid(), signal.SIGKILL)


def main() -> None:
    """Runs the task; the exit status is the user's code's."""
    parent_pid, order_file, code_folder = sys.argv[1:4]
    die_with_parent(int(parent_pid))
    order = msgspec.json.decode(Path(order_file).read_bytes(), type=TaskOrder)
    code = Path(code_folder) if code_folder else None
    try:
        find_kind(order.kind).run(order.plan, code)
    except EntrypointMissing as exc:
        sys.stderr.write(f"{exc}\n")
        sys.exit(ENTRYPOINT_MISSING_STATUS)


if __name__ == "__main__":
    main()
