"""Turns of the writers of one job."""

import asyncio
from collections import OrderedDict

from tensorfleet.shared.ids import JobId

# Far more jobs than change at one moment.
MAX_LOCKS = 1000


class JobTurns:
    """Lets the writers of one job in this process take turns, instead of racing in the database."""

    def __init__(self) -> None:
        self._locks: OrderedDict[JobId, asyncio.Lock] = OrderedDict()

    def of(self, job_id: JobId) -> asyncio.Lock:
        """The lock of a job. Locks that nobody holds or awaits are forgotten in time."""
        lock = self._locks.setdefault(job_id, asyncio.Lock())
        self._locks.move_to_end(job_id)
        while len(self._locks) > MAX_LOCKS:
            oldest, candidate = next(iter(self._locks.items()))
            if candidate.locked() or candidate is lock:
                break
            del self._locks[oldest]
        return lock
