"""What the worker and its warm process say to each other over a socket that keeps messages whole.

The file descriptors of a `StartTask` travel beside it: standard output, standard error, the task's
own socket, and its guard's, in this order.
"""

import msgspec

MAX_MESSAGE_BYTES = 64 * 1024


class StartTask(msgspec.Struct, frozen=True, kw_only=True, tag="start_task"):
    """Worker: fork, and run this."""

    request: int
    order_file: str
    code_folder: str
    work_folder: str
    environment: dict[str, str]
    thread_count: int


class Ready(msgspec.Struct, frozen=True, kw_only=True, tag="ready"):
    """Warm process: everything is imported."""


class Started(msgspec.Struct, frozen=True, kw_only=True, tag="started"):
    """Warm process: the task runs."""

    request: int
    pid: int


class Ended(msgspec.Struct, frozen=True, kw_only=True, tag="ended"):
    """Warm process: a task's process has ended; a negative status is a signal."""

    pid: int
    exit_status: int


FromWarmProcess = Ready | Started | Ended
