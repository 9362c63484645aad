"""The guard of one attempt: the parent of its process, which outlives it until nothing is left.

It adopts whatever the task leaves behind, so that no descendant gets away by a double fork or a
session of its own; docs/adr/0012 says why. It hangs on a socket to the worker: when that closes,
because the worker died by whatever means, the guard kills all below it.

Messages are single datagrams. Guard: `leader PID`, then at the end `clear STATUS`: no process is
left, and the task's ended like this (negative for a signal).
Worker: `terminate` (SIGTERM to the task's group) and `kill`.
"""

import os
import select
import signal
import socket
from contextlib import suppress

from tensorfleet.shared.process_ties import adopt_orphans, die_with_parent
from tensorfleet.worker.process_tree import descendants

TERMINATE = b"terminate"
KILL = b"kill"
CLEAR = b"clear "
LEADER = b"leader "
MAX_MESSAGE_BYTES = 64
# Between two looks for descendants that were born while the others were killed; it doubles, for
# those that hang in the kernel.
LOOK_AGAIN_SECONDS = (0.005, 1.0)


def split_off_guard(control_descriptor: int, starter_pid: int) -> None:
    """Forks. Returns in the child, which leads a session of its own; the parent becomes its guard.

    The guard exits as the child did: with its status, or by the same signal. When the process that
    started it (the worker, or a warm process) dies, it kills everything.
    """
    adopt_orphans()
    guard_pid = os.getpid()
    pid = os.fork()
    if pid == 0:
        os.close(control_descriptor)
        os.setsid()
        die_with_parent(guard_pid)
        return
    try:
        _end_like(_guard(pid, control_descriptor, starter_pid))
    finally:
        # Whatever went wrong here, this copy of the caller must not run on.
        _kill_all_below()
        os._exit(1)


def _guard(leader: int, control_descriptor: int, starter_pid: int) -> int:
    """Waits for the leader's end, kills the rest, and gives the leader's wait status."""
    wakeup_read, wakeup_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    _keep_only({control_descriptor, wakeup_read, wakeup_write})
    signal.set_wakeup_fd(wakeup_write, warn_on_full_buffer=False)
    asked_to_kill = False

    def on_starter_death(_number: int, _frame: object) -> None:
        nonlocal asked_to_kill
        asked_to_kill = True

    signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
    signal.signal(signal.SIGTERM, on_starter_death)
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    # A warm process that dies takes its tasks with it; SIGTERM leaves the time for that.
    die_with_parent(starter_pid, signal.SIGTERM)
    control = socket.socket(fileno=control_descriptor)
    with suppress(OSError):
        control.send(LEADER + str(leader).encode())
    while (status := _kill_all_below(leader) if asked_to_kill else _reap(leader)) is None:
        readable, _, _ = select.select([control.fileno(), wakeup_read], [], [])
        if wakeup_read in readable:
            with suppress(BlockingIOError):
                os.read(wakeup_read, 4096)
        if control.fileno() in readable:
            message = _receive(control)
            if message == TERMINATE:
                with suppress(ProcessLookupError):
                    os.killpg(leader, signal.SIGTERM)
            elif message in (KILL, b""):
                asked_to_kill = True
    _kill_all_below()
    with suppress(OSError):
        control.send(CLEAR + str(os.waitstatus_to_exitcode(status)).encode())
    return status


def _receive(control: socket.socket) -> bytes:
    try:
        return control.recv(MAX_MESSAGE_BYTES)
    except OSError:
        return b""


def _reap(leader: int) -> int | None:
    """Takes note of every child that has ended; the leader's status when it is among them."""
    found = None
    with suppress(ChildProcessError):
        while (ended := os.waitpid(-1, os.WNOHANG))[0]:
            if ended[0] == leader:
                found = ended[1]
    return found


def _kill_all_below(leader: int = 0) -> int | None:
    """Kills until there is no child left; the leader's status when it was among them."""
    found = None
    pause = LOOK_AGAIN_SECONDS[0]
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return found
        if pid == leader and pid:
            found = status
        if pid:
            continue
        below = descendants(os.getpid())
        # Stopped first: what stands still makes no children while the others are killed.
        for number in (signal.SIGSTOP, signal.SIGKILL):
            for one in below:
                with suppress(ProcessLookupError, PermissionError):
                    os.kill(one, number)
        select.select([], [], [], pause)
        pause = min(pause * 2, LOOK_AGAIN_SECONDS[1])


def _keep_only(kept: set[int]) -> None:
    """Lets go of everything inherited: an open pipe here would look like output to come."""
    os.chdir("/")
    nothing = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nothing, descriptor)
    first = 3
    for descriptor in sorted(kept):
        os.closerange(first, descriptor)
        first = descriptor + 1
    os.closerange(first, os.sysconf("SC_OPEN_MAX"))


def _end_like(status: int) -> None:
    if not os.WIFSIGNALED(status):
        os._exit(os.waitstatus_to_exitcode(status))
    number = os.WTERMSIG(status)
    if number not in (signal.SIGKILL, signal.SIGSTOP):
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {number})
    os.kill(os.getpid(), number)
    os._exit(128 + number)
