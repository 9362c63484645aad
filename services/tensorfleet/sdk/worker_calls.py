"""A fleet's workers from Python; part of `Client`."""

from datetime import datetime

from tensorfleet.sdk.api_path import api_path
from tensorfleet.sdk.connection import Connection
from tensorfleet.shared.machine_sample import MachineSample
from tensorfleet.shared.rest.workers import Worker, WorkerList, WorkerUsage


class WorkerCalls:
    """What a client can do with workers."""

    _connection: Connection

    def workers(self) -> list[Worker]:
        """Every known worker, by id."""
        return self._connection.request("GET", api_path("workers"), WorkerList).workers

    def worker(self, worker_id: str) -> Worker:
        """One worker.

        Raises:
            WorkerNotFound: No such worker.
        """
        return self._connection.request("GET", api_path("workers", worker_id), Worker)

    def worker_usage(self, worker_id: str, after: datetime | None = None) -> list[MachineSample]:
        """What a worker's machine did lately: at most 600 samples, oldest first.

        They come some seconds late, a few together.

        Args:
            worker_id: The worker.
            after: Only samples with a later time, such as that of the last one seen; aware.

        Raises:
            WorkerNotFound: No such worker.
        """
        query = {} if after is None else {"after": after.isoformat()}
        path = api_path("workers", worker_id, "usage")
        return self._connection.request("GET", path, WorkerUsage, query=query).samples

    def drain_worker(self, worker_id: str) -> Worker:
        """Gives a worker no new task; those that it has finish.

        Raises:
            WorkerNotFound: No such worker.
        """
        return self._connection.request("POST", api_path("workers", worker_id, "drain"), Worker)

    def resume_worker(self, worker_id: str) -> Worker:
        """Lets a worker take tasks again: undoes a drain, ends a quarantine.

        Raises:
            WorkerNotFound: No such worker.
        """
        return self._connection.request("POST", api_path("workers", worker_id, "resume"), Worker)
