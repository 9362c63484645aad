"""Lets sessions follow what others decide about their workers: drain, resume, quarantine."""

import asyncio
from dataclasses import replace

import structlog

from tensorfleet.orchestrator.dispatcher import Dispatcher
from tensorfleet.orchestrator.quarantine import QuarantineWatch
from tensorfleet.orchestrator.store.protocol import OrchestratorStore
from tensorfleet.shared.errors import Unavailable, WorkerNotFound
from tensorfleet.shared.ids import WorkerId

# A look without a signal, for when one was lost.
LOOK_SECONDS = 15.0

log = structlog.get_logger(__name__)


class WorkerWatch:
    """Reads again what is stored of workers that are attached here."""

    def __init__(
        self, store: OrchestratorStore, dispatcher: Dispatcher, quarantine: QuarantineWatch
    ) -> None:
        self._store = store
        self._dispatcher = dispatcher
        self._quarantine = quarantine
        self._changed: set[WorkerId] = set()
        self._news = asyncio.Event()

    def look_at(self, worker_id: WorkerId) -> None:
        """Something was decided about a worker."""
        if worker_id in self._dispatcher.sessions:
            self._changed.add(worker_id)
            self._news.set()

    async def run(self) -> None:
        """Looks when told to, and now and then, for ever."""
        while True:
            try:
                async with asyncio.timeout(LOOK_SECONDS):
                    await self._news.wait()
            except TimeoutError:
                self._changed.update(self._dispatcher.sessions)
            self._news.clear()
            changed, self._changed = self._changed, set()
            for worker_id in changed:
                await self._follow(worker_id)

    async def _follow(self, worker_id: WorkerId) -> None:
        try:
            stored = await self._store.get_worker(worker_id)
        except (WorkerNotFound, Unavailable) as exc:
            log.warning("worker not looked at", worker_id=worker_id, problem=str(exc))
            return
        session = self._dispatcher.sessions.get(worker_id)
        if session is None:
            return
        if session.worker.quarantine_end_time and not stored.quarantine_end_time:
            self._quarantine.forget(worker_id)
        session.worker = replace(
            session.worker,
            is_drained=stored.is_drained,
            quarantine_end_time=stored.quarantine_end_time,
        )
        self._dispatcher.look()
