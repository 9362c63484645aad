"""When tasks of a gang have met."""

from datetime import timedelta

import pytest

from tensorfleet.orchestrator.peer import MAX_MISSING, Peer, check_address, meeting
from tensorfleet.orchestrator.task import AttemptRef, TaskState
from tensorfleet.shared.errors import InvalidInput, LeaseLost, PeerEnded
from tensorfleet.shared.ids import task_id
from tests.unit.orchestrator.job_examples import JOB_ID, NOW

MINE = AttemptRef(task_id=task_id(JOB_ID, 0), number=2)


def peer(
    index: int,
    address: str = "there:1",
    state: TaskState = TaskState.RUNNING,
    started_seconds: float = 0.0,
) -> Peer:
    return Peer(
        task_id=task_id(JOB_ID, index),
        index=index,
        state=state,
        attempt=2,
        start_time=NOW + timedelta(seconds=started_seconds),
        address=address,
    )


def test_all_that_have_come_are_told() -> None:
    peers = [peer(0, "a"), peer(1, "b")]
    assert meeting(peers, MINE).peers == tuple(peers)
    assert meeting(peers, MINE).missing_indexes == ()


def test_as_long_as_one_is_missing_nobody_is_told() -> None:
    found = meeting([peer(0, "a"), peer(1, ""), peer(2, "c")], MINE)
    assert (found.peers, found.missing_indexes) == ((), (1,))


@pytest.mark.parametrize("state", [TaskState.QUEUED, TaskState.FAILED, TaskState.CANCELLED])
def test_peer_that_does_not_run_any_more_is_missing(state: TaskState) -> None:
    assert meeting([peer(0), peer(1, state=state)], MINE).missing_indexes == (1,)


def test_quick_peer_that_has_met_and_ended_counts() -> None:
    peers = [peer(0), peer(1, state=TaskState.SUCCEEDED)]
    assert meeting(peers, MINE).peers == tuple(peers)


def test_peer_that_ended_before_this_start_is_not_waited_for() -> None:
    peers = [peer(0), peer(1, state=TaskState.SUCCEEDED, started_seconds=-60)]
    with pytest.raises(PeerEnded, match="task 1"):
        meeting(peers, MINE)


def test_attempt_that_is_not_current_meets_nobody() -> None:
    with pytest.raises(LeaseLost):
        meeting([peer(0)], MINE._replace(number=1))


def test_list_of_missing_ones_is_bounded() -> None:
    peers = [peer(index, "") for index in range(MAX_MISSING + 5)]
    assert meeting(peers, MINE).missing_indexes == tuple(range(MAX_MISSING))


@pytest.mark.parametrize("address", ["", "x" * 1025, "\u00e9" * 513])
def test_address_has_a_length(address: str) -> None:
    with pytest.raises(InvalidInput, match="1024"):
        check_address(address)
