"""The queue as the scheduler sees it, in memory: lines, claims that are all or nothing, delays."""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import islice

from tensorfleet.orchestrator.scheduling.waiting import Line, WaitingEntry
from tensorfleet.orchestrator.task import AttemptRef
from tensorfleet.shared.ids import TaskId
from tests.simulation.workload import Group

START = datetime(2026, 1, 1, tzinfo=UTC)


def at(seconds: float) -> datetime:
    """A moment of the simulation as the rules see it."""
    return START + timedelta(seconds=seconds)


def task_name(number: int) -> TaskId:
    """A task's id."""
    return TaskId(str(number))


@dataclass(slots=True, eq=False)
class Waiting:
    """One entry: the tasks that start together, and the attempt that each will be."""

    tasks: tuple[int, ...]
    attempt: int
    since: float
    shown: WaitingEntry | None = None

    def show(self) -> WaitingEntry:
        """The entry for the rules; made when it first comes near the front."""
        if self.shown is None:
            refs = tuple(AttemptRef(task_id=task_name(t), number=self.attempt) for t in self.tasks)
            self.shown = WaitingEntry(refs=refs, queued_since=at(self.since))
        return self.shown


@dataclass(slots=True, eq=False)
class WaitingLine:
    """All entries of one group of jobs, the first one first."""

    id: str
    group: Group
    entries: deque[Waiting] = field(default_factory=deque)
    last_served: float | None = None

    def show(self, most: int) -> Line:
        """The line for the rules, with its first entries."""
        group = self.group
        return Line(
            id=self.id,
            priority=group.priority,
            tenant=group.tenant,
            shape=group.shape,
            entries=tuple(entry.show() for entry in islice(self.entries, most)),
            last_served=None if self.last_served is None else at(self.last_served),
            is_gang=group.gang_size > 1,
            is_preemptible=group.is_preemptible,
        )


class WaitingLines:
    """All lines."""

    def __init__(self, groups: Sequence[Group], on_first: Callable[[], None]) -> None:
        """`on_first` hears of entries that come into an empty line."""
        self.lines = {str(number): WaitingLine(str(number), g) for number, g in enumerate(groups)}
        self.length = 0
        self._waiting: set[tuple[int, int]] = set()
        self._on_first = on_first

    def add(self, line: WaitingLine, entry: Waiting, *, at_front: bool = False) -> None:
        """Lets an entry wait."""
        if not line.entries:
            self._on_first()
        (line.entries.appendleft if at_front else line.entries.append)(entry)
        self._waiting.add((entry.tasks[0], entry.attempt))
        self.length += 1

    def show(self, most: int) -> list[Line]:
        """The lines that have entries, with the first ones of each."""
        return [line.show(most) for line in self.lines.values() if line.entries]

    def claim(self, line_id: str, shown: WaitingEntry, now: float) -> Waiting | None:
        """Takes the entry out, whole; None when another orchestrator did so before."""
        key = (int(shown.refs[0].task_id), shown.refs[0].number)
        if key not in self._waiting:
            return None
        self._waiting.remove(key)
        line = self.lines[line_id]
        # It is among the first: at most the entries of one round stand before it.
        position = next(n for n, entry in enumerate(line.entries) if entry.shown is shown)
        entry = line.entries[position]
        del line.entries[position]
        line.last_served = now
        self.length -= 1
        return entry

    def is_waiting(self, shown: WaitingEntry) -> bool:
        """Whether nobody claimed the entry yet."""
        return (int(shown.refs[0].task_id), shown.refs[0].number) in self._waiting
