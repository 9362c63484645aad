"""A part of a fleet: one process that is kept running."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum

from tensorfleet.local.child_process import ChildProcess

Variables = Mapping[str, str]


class Stage(IntEnum):
    """When a part is stopped: lower ones first, those of one stage together."""

    WORKERS = 0
    SERVICES = 1
    STORES = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningPart:
    """A part whose process answers."""

    process: ChildProcess
    stop: Callable[[], Awaitable[object]]
    """Ends it politely; safe to repeat."""
    variables: Variables = field(default_factory=dict, repr=False)
    """What others need to reach it, as environment variables."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """How to start a part, and what must be there before."""

    name: str
    stage: Stage
    port: int
    needs: tuple[str, ...] = ()
    """Parts that must answer before this one is started."""
    start: Callable[[Variables], Awaitable[RunningPart]]
    """Given what is known so far of the others. Returns once it answers; when it raises, nothing
    of it keeps running."""
