"""Lets the tasks of a gang meet: keeps what they tell, and tells them of each other."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from tensorfleet.orchestrator.peer import Meeting, Peer, check_address, has_come, meeting
from tensorfleet.orchestrator.store.protocol import OrchestratorStore
from tensorfleet.orchestrator.task import AttemptRef
from tensorfleet.shared.errors import NotAGang
from tensorfleet.shared.ids import JobId, WorkerId, job_id_of


@dataclass(slots=True)
class _Reading:
    """What those who ask about one job at the same time share."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    started_count: int = 0
    peers: Sequence[Peer] | None = None
    askers: int = 0


class PeerMeetings:
    """Meetings of gangs, over the store alone: any replica may be asked."""

    def __init__(self, store: OrchestratorStore) -> None:
        self._store = store
        self._readings: dict[JobId, _Reading] = {}

    async def meet(self, ref: AttemptRef, worker_id: WorkerId, address: str) -> Meeting:
        """Notes where an attempt can be reached, and tells how far the meeting is.

        Raises:
            InvalidInput: The address is empty or too long.
            JobNotFound: There is no such job.
            NotAGang: Its tasks need not run together.
            LeaseLost: The attempt is not current, or not on this worker.
            AddressGiven: It gave another address before.
            PeerEnded: One of the others had ended before this start of the gang.
        """
        check_address(address)
        job_id = job_id_of(ref.task_id)
        job, _ = await self._store.look_up(job_id, [])
        if job.task_count > 1 and not job.spec.is_gang:
            raise NotAGang(
                "the tasks of this job need not run at the same time, so they cannot meet: ask "
                "for a gang (`gang: true`)"
            )
        peers = await self._read(job_id)
        # They ask again and again until all have come: one of them writes but once.
        if not (has_come(peers, ref) and _gave(peers, ref, address)):
            await self._store.give_address(ref, worker_id, address)
            peers = await self._read(job_id)
        return meeting(peers, ref)

    async def _read(self, job_id: JobId) -> Sequence[Peer]:
        """All peers, no older than the call. A thousand that ask at once make two reads."""
        reading = self._readings.setdefault(job_id, _Reading())
        reading.askers += 1
        try:
            count = reading.started_count
            async with reading.lock:
                peers = reading.peers
                if peers is None or reading.started_count == count:
                    reading.started_count += 1
                    reading.peers = None
                    peers = reading.peers = await self._store.peers(job_id)
                return peers
        finally:
            reading.askers -= 1
            if not reading.askers:
                del self._readings[job_id]


def _gave(peers: Sequence[Peer], ref: AttemptRef, address: str) -> bool:
    return any(p.task_id == ref.task_id and p.address == address for p in peers)
