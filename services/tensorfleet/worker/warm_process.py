"""A process that has imported what tasks import, and forks one child for each of them.

Importing torch takes seconds, forking from a process that has it takes milliseconds. Run as
`python -m tensorfleet.worker.warm_process WORKER_PID SOCKET_FD MODULE...`. It has one thread and
never computes, so that its children are as good as new: no thread pool, no CUDA context.
"""

import gc
import importlib
import os
import select
import signal
import socket
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import msgspec

from tensorfleet.shared.process_ties import die_with_parent
from tensorfleet.shared.task_channel import SOCKET_VARIABLE
from tensorfleet.worker.guard import split_off_guard
from tensorfleet.worker.task_process import leave_after, run_order
from tensorfleet.worker.warm_messages import (
    MAX_MESSAGE_BYTES,
    Ended,
    Ready,
    Started,
    StartTask,
)

DESCRIPTORS_A_TASK = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Spare:
    """A child that waits for its task."""

    pid: int
    connection: socket.socket


def preload(modules: list[str]) -> None:
    """Imports the modules, and of torch also what the first optimizer would import."""
    for module in modules:
        importlib.import_module(module)
    if "torch" in modules:
        import torch

        # Making an optimizer imports torch._dynamo: almost as long as torch itself.
        torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1)
    # Otherwise the children's collections would touch, and so copy, every page that they share.
    gc.collect()
    gc.freeze()


def serve(connection: socket.socket) -> None:
    """Forks children as asked and tells their ends, until the worker closes the connection."""
    wakeup_read, wakeup_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(wakeup_write, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
    connection.send(msgspec.json.encode(Ready()))
    spare = None
    while True:
        spare = spare or fork_spare(connection, (wakeup_read, wakeup_write))
        if spare is None:
            return
        readable, _, _ = select.select([connection.fileno(), wakeup_read], [], [])
        if wakeup_read in readable:
            with suppress(BlockingIOError):
                os.read(wakeup_read, 4096)
            tell_ends(connection)
        if connection.fileno() in readable:
            message, descriptors, _, _ = socket.recv_fds(
                connection, MAX_MESSAGE_BYTES, DESCRIPTORS_A_TASK
            )
            if not message:
                return
            order = msgspec.json.decode(message, type=StartTask)
            with spare.connection:
                socket.send_fds(spare.connection, [message], descriptors)
            for descriptor in descriptors:
                os.close(descriptor)
            connection.send(msgspec.json.encode(Started(request=order.request, pid=spare.pid)))
            spare = None


def fork_spare(worker: socket.socket, wakeups: tuple[int, int]) -> Spare | None:
    """Forks the child for the next task before there is one; None in a child whose task is done.

    It becomes the guard of its task and forks once more, so that a start waits for one fork only.
    """
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    parent_pid = os.getpid()
    pid = os.fork()
    if pid:
        theirs.close()
        return Spare(pid=pid, connection=ours)
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    die_with_parent(parent_pid)
    for descriptor in wakeups:
        os.close(descriptor)
    worker.close()
    ours.close()
    with theirs:
        message, descriptors, _, _ = socket.recv_fds(theirs, MAX_MESSAGE_BYTES, DESCRIPTORS_A_TASK)
    if message:
        become_task(msgspec.json.decode(message, type=StartTask), descriptors, parent_pid)
    return None


def tell_ends(connection: socket.socket) -> None:
    """Tells the worker of every child that has ended."""
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        ended = Ended(pid=pid, exit_status=os.waitstatus_to_exitcode(status))
        connection.send(msgspec.json.encode(ended))


def become_task(order: StartTask, descriptors: list[int], parent_pid: int) -> None:
    """Makes this fresh child the task's process, and runs the task."""
    stdout, stderr, task_socket, guard_socket = descriptors
    split_off_guard(guard_socket, parent_pid)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for source, target in ((stdout, 1), (stderr, 2)):
        os.dup2(source, target)
        os.close(source)
    os.set_inheritable(task_socket, True)
    os.environ.clear()
    os.environ.update(order.environment)
    os.environ[SOCKET_VARIABLE] = str(task_socket)
    os.chdir(order.work_folder)
    forget_the_past(order.thread_count)
    code = Path(order.code_folder) if order.code_folder else None
    leave_after(lambda: run_order(Path(order.order_file), code))


def forget_the_past(thread_count: int) -> None:
    """Gives this child random numbers of its own, and the threads that its task may use.

    Python's own `random` does this by itself in every forked child.
    """
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed()
    if torch := sys.modules.get("torch"):
        torch.seed()
        torch.set_num_threads(thread_count)


def main() -> None:
    """Preloads, then serves; as a child, runs the task to its end."""
    worker_pid, descriptor, *modules = sys.argv[1:]
    die_with_parent(int(worker_pid))
    # The worker tells a stop to each task; a signal to our group is not meant for us.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    preload(modules)
    serve(socket.socket(fileno=int(descriptor)))


if __name__ == "__main__":
    main()
