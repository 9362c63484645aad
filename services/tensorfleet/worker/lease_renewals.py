"""The renewals of one session, and whether they are answered: pure."""

from collections.abc import Iterable

from tensorfleet.orchestrator.v1 import dispatch_service_pb2 as pb
from tensorfleet.orchestrator.v1.worker_pb2 import MachineSample


class LeaseRenewals:
    """Numbers a session's renewals. A worker that hears no answer for a lease is deaf."""

    def __init__(self, lease_seconds: float, now: float) -> None:
        self._lease_seconds = lease_seconds
        self._number = 0
        self._answered_number = 0
        self._answered_at = now

    def next(
        self, refs: Iterable[pb.AttemptRef], samples: Iterable[MachineSample] = ()
    ) -> pb.LeaseRenewal:
        """The next renewal, of these attempts, with what the machine did meanwhile."""
        self._number += 1
        return pb.LeaseRenewal(
            attempts=refs,
            number=self._number,
            answered_number=self._answered_number,
            samples=samples,
        )

    def answered(self, answer: pb.LeasesRenewed, now: float) -> None:
        """An answer has come."""
        self._answered_number = max(self._answered_number, answer.number)
        self._answered_at = now

    def is_deaf(self, now: float) -> bool:
        """Whether no answer has come for longer than the lease."""
        return now - self._answered_at > self._lease_seconds
