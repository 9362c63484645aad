"""What must always hold, seen from outside the rules: each claim and end is told here."""

from collections import Counter
from collections.abc import Sequence


class Violation(AssertionError):
    """A promise was broken."""


class Checks:
    """Keeps its own books, and compares."""

    def __init__(self, starvation_bound: float, fairness_within: float) -> None:
        self._bound = starvation_bound
        self._fairness_within = fairness_within
        self._effects: Counter[int] = Counter()
        self._highest_attempt: dict[int, int] = {}
        self._running: dict[int, int] = {}
        self._ended: set[int] = set()
        self.longest_unserved = 0.0
        self.counts: Counter[str] = Counter()

    def claimed(self, task: int, attempt: int) -> None:
        """A task was given to a worker."""
        if attempt <= self._highest_attempt.get(task, 0):
            raise Violation(f"attempt {attempt} of task {task} was given out twice")
        if task in self._running or task in self._ended:
            raise Violation(f"task {task} was claimed while it ran or had ended")
        self._highest_attempt[task] = attempt
        self._running[task] = attempt
        self.counts["attempts"] += 1

    def stopped(self, task: int) -> None:
        """An attempt ended, and the task waits again."""
        del self._running[task]

    def took_effect(self, task: int) -> None:
        """A result was recorded."""
        self._effects[task] += 1
        if self._effects[task] > 1:
            raise Violation(f"task {task} took effect twice")

    def ended(self, task: int) -> None:
        """A task is in a final state."""
        self._running.pop(task, None)
        if task in self._ended:
            raise Violation(f"task {task} ended twice")
        self._ended.add(task)

    def gang_changed(self, tasks: Sequence[int]) -> None:
        """Of the members that have not ended, all run or none does."""
        alive = [task for task in tasks if task not in self._ended]
        running = sum(task in self._running for task in alive)
        if running not in (0, len(alive)):
            raise Violation(f"{running} of {len(alive)} tasks of a gang run: {tasks}")

    def room_taken(self, worker: str, free: Sequence[float], is_shared_wrongly: bool) -> None:
        """What is left on a worker after a claim."""
        if min(free) < -1e-6 or is_shared_wrongly:
            raise Violation(f"worker {worker} was given more than it has: {free}")

    def line_served(self, line: str, unserved_seconds: float) -> None:
        """A line got its turn after it waited so long for it."""
        self.longest_unserved = max(self.longest_unserved, unserved_seconds)
        if unserved_seconds > self._bound:
            raise Violation(
                f"line {line} starved for {unserved_seconds:.0f} s, over {self._bound:.0f} s"
            )

    def twins_shared(self, held: float, held_by_other: float) -> None:
        """Equals, both with work waiting all the time, held this much of the fleet."""
        if abs(held - held_by_other) > self._fairness_within * (held + held_by_other) / 2:
            raise Violation(f"equal tenants held {held:.0f} and {held_by_other:.0f} core seconds")

    def all_ended(self, task_count: int) -> None:
        """The simulation is over."""
        if len(self._ended) != task_count:
            raise Violation(f"{task_count - len(self._ended)} of {task_count} tasks were lost")
