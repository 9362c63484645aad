"""Becomes another program that the kernel kills when its parent dies.

Run by path, as `python -I -S exec_child.py PARENT_PID PROGRAM [ARGUMENT ...]`. A process of its own
prepares itself here, because code between fork and exec (`preexec_fn`) may deadlock in a parent
that has threads.
"""

import ctypes
import os
import resource
import signal
import sys

PR_SET_PDEATHSIG = 1
OPEN_FILES_WANTED = 65_536  # mongod and weed need far more than the usual 1,024


def main() -> None:
    """Never returns."""
    parent_pid, program = int(sys.argv[1]), sys.argv[2]
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG) failed")
    # The parent may have died before the line above; then nobody would ever tell.
    if os.getppid() != parent_pid:
        os._exit(1)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OPEN_FILES_WANTED if hard == resource.RLIM_INFINITY else min(OPEN_FILES_WANTED, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    # Python ignores SIGPIPE and SIGXFSZ, which exec would hand on.
    for number in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_DFL)
    os.execv(program, sys.argv[2:])  # noqa: S606


if __name__ == "__main__":
    main()
