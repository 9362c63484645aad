"""How processes hang together when some of them die: asked of the kernel, for this process."""

import ctypes
import os
import signal

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36


def die_with_parent(parent_pid: int, number: signal.Signals = signal.SIGKILL) -> None:
    """Lets the kernel signal this process when its parent dies, however it does."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, number)
    if os.getppid() != parent_pid:
        # It died before the line above; then nobody would ever tell.
        os.kill(os.getpid(), number)


def adopt_orphans() -> None:
    """Makes this process the parent of every descendant whose own parent dies."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)
