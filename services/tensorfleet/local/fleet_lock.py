"""At most one fleet for a data folder: a lock that the kernel gives back when its holder dies."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tensorfleet.shared.errors import Conflict

# Whoever only looks (`is_locked`) holds the lock for microseconds; that must not stop a start.
TRIES = 5
TRY_SECONDS = 0.02


class FleetRunsAlready(Conflict):
    """Another supervisor holds this data folder."""

    reason = "FLEET_RUNS_ALREADY"


@contextmanager
def fleet_locked(path: Path) -> Iterator[None]:
    """Holds the lock during the block; its file stays.

    Raises:
        FleetRunsAlready: Somebody else holds it.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        for _ in range(TRIES):
            if _try_lock(descriptor, fcntl.LOCK_EX):
                break
            time.sleep(TRY_SECONDS)
        else:
            raise FleetRunsAlready(
                f"a fleet runs already in {path.parent}; see `tensorfleet status`, or stop it "
                "with `tensorfleet down`"
            )
        yield
    finally:
        os.close(descriptor)


def is_locked(path: Path) -> bool:
    """Whether a supervisor holds the lock now."""
    try:
        descriptor = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        return not _try_lock(descriptor, fcntl.LOCK_SH)
    finally:
        os.close(descriptor)


def _try_lock(descriptor: int, mode: int) -> bool:
    try:
        fcntl.flock(descriptor, mode | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
