"""What a command task's process does: become the command."""

import os
import sys

from tensorfleet.kinds.task_place import TaskPlace
from tensorfleet.kinds.task_plan import TaskPlan

# What shells answer to a program that is not there.
NOT_FOUND_STATUS = 127


def run(plan: TaskPlan, place: TaskPlace) -> None:
    """Replaces this process by the command, in the code folder when there is one."""
    if place.code is not None:
        os.chdir(place.code)
    words: list[str] = plan.payload["words"]
    if plan.payload["is_shell_line"]:
        words = ["/bin/sh", "-c", *words]
    sys.stdout.flush()
    try:
        os.execvp(words[0], words)  # noqa: S606  running the user's command is the purpose
    except OSError as exc:
        sys.stderr.write(f"cannot run {words[0]!r}: {exc.strerror}\n")
        sys.exit(NOT_FOUND_STATUS)
