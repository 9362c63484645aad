"""Attempts and gangs as members of Redis' sets. Pure."""

from collections.abc import Sequence

import msgspec

from tensorfleet.orchestrator.task import AttemptRef
from tensorfleet.shared.ids import TaskId, job_id_of


def to_member(ref: AttemptRef) -> str:
    """An attempt as a member."""
    return f"{ref.task_id}#{ref.number}"


def to_ref(member: str) -> AttemptRef:
    """A member as an attempt."""
    task_id, _, number = member.rpartition("#")
    return AttemptRef(task_id=TaskId(task_id), number=int(number))


def entry_name(refs: Sequence[AttemptRef], *, is_gang: bool) -> str:
    """The entry under which attempts wait; a gang's is another one each time it starts anew."""
    if not is_gang:
        return to_member(refs[0])
    return f"gang:{job_id_of(refs[0].task_id)}#{sum(ref.number for ref in refs)}"


def gang_to_json(refs: Sequence[AttemptRef]) -> bytes:
    """The members of a gang, as Redis keeps them."""
    return msgspec.json.encode([to_member(ref) for ref in refs])


def gang_from_json(text: str) -> tuple[AttemptRef, ...]:
    """What Redis keeps of a gang as its members."""
    return tuple(map(to_ref, msgspec.json.decode(text, type=list[str])))
