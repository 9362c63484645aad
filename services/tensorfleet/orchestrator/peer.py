"""Tasks of a gang that tell each other where they are: when they have met."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from tensorfleet.orchestrator.task import AttemptRef, TaskState
from tensorfleet.shared.errors import AddressGiven, InvalidInput, LeaseLost, PeerEnded
from tensorfleet.shared.ids import TaskId
from tensorfleet.shared.task_channel import MAX_ADDRESS_BYTES

MAX_MISSING = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """A task of a job with its latest attempt, as the others of its gang may see it."""

    task_id: TaskId
    index: int
    state: TaskState
    attempt: int
    """The latest; 0 before the first."""
    start_time: datetime | None
    """Of the latest attempt; a gang starts in one step, with one time for all."""
    address: str
    """What the latest attempt gave; empty: nothing yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Meeting:
    """How far a meeting is: all peers by index, or who is missing."""

    peers: tuple[Peer, ...] = ()
    missing_indexes: tuple[int, ...] = ()
    """The first `MAX_MISSING`."""


def check_address(address: str) -> str:
    """The address itself.

    Raises:
        InvalidInput: It is empty or too long.
    """
    if 1 <= len(address.encode()) <= MAX_ADDRESS_BYTES:
        return address
    raise InvalidInput(f"the address for other tasks must have 1 to {MAX_ADDRESS_BYTES} bytes")


def has_come(peers: Sequence[Peer], ref: AttemptRef) -> bool:
    """Whether the attempt runs, and has given its address."""
    own = _own(peers, ref)
    return own is not None and own.state is TaskState.RUNNING and bool(own.address)


def meeting(peers: Sequence[Peer], ref: AttemptRef) -> Meeting:
    """How far the meeting of an attempt that has come is.

    Whoever has succeeded since counts: it had met the others, and was quicker than they.

    Args:
        peers: All tasks of the job, by index.
        ref: The attempt that asks.

    Raises:
        PeerEnded: One succeeded before this start of the gang.
        LeaseLost: The attempt is not its task's latest one.
    """
    own = _own(peers, ref)
    if own is None:
        raise not_current(ref)
    missing = []
    for peer in peers:
        if peer.state is TaskState.SUCCEEDED and peer.start_time != own.start_time:
            raise PeerEnded(
                f"task {peer.index} succeeded before the gang started again; it cannot be met: "
                "submit the job anew instead of retrying it"
            )
        if not peer.address or peer.state not in (TaskState.RUNNING, TaskState.SUCCEEDED):
            missing.append(peer.index)
    if missing:
        return Meeting(missing_indexes=tuple(missing[:MAX_MISSING]))
    return Meeting(peers=tuple(peers))


def not_current(ref: AttemptRef) -> LeaseLost:
    """The error for an attempt that is not its task's running one."""
    return LeaseLost(f"attempt {ref.number} of task {ref.task_id} is not current; end this process")


def address_given(ref: AttemptRef) -> AddressGiven:
    """The error for an attempt that gives a second address."""
    return AddressGiven(
        f"attempt {ref.number} of task {ref.task_id} has given the others another address before; "
        "the first one counts"
    )


def _own(peers: Sequence[Peer], ref: AttemptRef) -> Peer | None:
    return next((p for p in peers if (p.task_id, p.attempt) == ref), None)
