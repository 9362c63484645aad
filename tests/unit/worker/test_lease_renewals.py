"""Renewals are numbered, and a session that is not answered is noticed."""

from tensorfleet.orchestrator.v1 import dispatch_service_pb2 as pb
from tensorfleet.orchestrator.v1.worker_pb2 import MachineSample
from tensorfleet.worker.lease_renewals import LeaseRenewals


def test_renewals_count_from_one_and_repeat_the_last_answered() -> None:
    renewals = LeaseRenewals(lease_seconds=15, now=0)
    ref = pb.AttemptRef(task_id="t", attempt=1)
    first = renewals.next([ref])
    assert (first.number, first.answered_number, list(first.attempts)) == (1, 0, [ref])
    renewals.answered(pb.LeasesRenewed(number=1), now=1)
    sample = MachineSample(sequence=7)
    second = renewals.next([], [sample])
    assert (second.number, second.answered_number) == (2, 1)
    assert list(second.samples) == [sample]


def test_worker_is_deaf_once_no_answer_came_for_a_lease() -> None:
    renewals = LeaseRenewals(lease_seconds=15, now=0)
    renewals.next([])
    assert not renewals.is_deaf(now=15)
    assert renewals.is_deaf(now=15.1)
    # Also an orchestrator that does not number its answers answers.
    renewals.answered(pb.LeasesRenewed(), now=16)
    assert not renewals.is_deaf(now=31)
