"""Random lives of a job by the pure rules: whatever happens in which order, the promises hold."""

from collections import Counter
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tensorfleet.orchestrator.event import EventDraft, JobStateChange, Metric, TaskStateChange
from tensorfleet.orchestrator.job import JOB_TRANSITIONS, JobState
from tensorfleet.orchestrator.job_changes import AttemptEnd, JobChange, lost, report, start
from tensorfleet.orchestrator.job_changes import finish as finish_rule
from tensorfleet.orchestrator.retry import AttemptOutcome
from tensorfleet.orchestrator.task import TASK_TRANSITIONS, AttemptRef, TaskState
from tensorfleet.shared.errors import JobEnded, JobNotEnded
from tensorfleet.shared.ids import WorkerId
from tests.unit.orchestrator.job_examples import BROKEN, LATER, NOW, PREEMPTED, SUCCESS, Played

INDEXES = st.lists(st.integers(0, 3), min_size=1, max_size=4, unique=True)
STALE = st.sampled_from([0, 0, 0, 0, -1, 1])
WORKERS = st.sampled_from([WorkerId("w1"), WorkerId("w2")])
ENDS = st.sampled_from([SUCCESS, BROKEN, PREEMPTED, AttemptEnd(outcome=AttemptOutcome.CANCELLED)])


class JobLife(RuleBasedStateMachine):
    """A job of four tasks."""

    played: Played

    @initialize(is_gang=st.booleans(), max_attempts=st.integers(1, 3))
    def create(self, is_gang: bool, max_attempts: int) -> None:
        self.played = Played(tasks=4, is_gang=is_gang, max_attempts=max_attempts)
        self.told: list[EventDraft] = [
            EventDraft(time=NOW, payload=JobStateChange(state=JobState.PENDING))
        ]

    def take(self, change: JobChange) -> None:
        played = self.played
        before = {task.id: task for task in played.tasks.values()}
        for task in change.tasks:
            old = before[task.id]
            assert task.state is old.state or task.state in TASK_TRANSITIONS[old.state]
            assert task.attempts[: len(old.attempts) - 1] == old.attempts[:-1]
        old_state = played.job.state
        assert change.job.state is old_state or change.job.state in JOB_TRANSITIONS[old_state]
        if change.tasks or change.job != played.job:
            assert change.events, "a change is told"
        refused = {ref.task_id for ref in change.refused}
        assert not refused & {task.id for task in change.tasks}
        if played.job.spec.is_gang and change.refused and not change.tasks:
            assert change.job == played.job
        self.told += change.events
        played.take(change)

    @rule(indexes=INDEXES, stale=STALE, worker=WORKERS)
    def tasks_start(self, indexes: list[int], stale: int, worker: WorkerId) -> None:
        played = self.played
        refs = [played.next_ref(index) for index in indexes]
        claimed = [(ref._replace(number=ref.number + stale), worker) for ref in refs]
        self.take(start(played.job, played.tasks, claimed, NOW))

    @rule(indexes=INDEXES, stale=STALE, worker=WORKERS | st.none(), how=ENDS)
    def attempts_end(
        self, indexes: list[int], stale: int, worker: WorkerId | None, how: AttemptEnd
    ) -> None:
        self.end([(index, how) for index in indexes], stale, worker)

    @rule(indexes=INDEXES)
    def leases_run_out(self, indexes: list[int]) -> None:
        self.end([(index, lost(self.played.task(index))) for index in indexes], 0, None)

    def end(self, ends: list[tuple[int, AttemptEnd]], stale: int, worker: WorkerId | None) -> None:
        played = self.played
        told = []
        for index, how in ends:
            current = played.task(index).current
            told.append((current._replace(number=current.number + stale), how))
        change = finish_rule(played.job, played.tasks, worker, told, LATER, lambda: 0.0)
        if stale:
            assert change.refused == {ref for ref, _ in told}
        self.take(change)

    @rule(index=st.integers(0, 3), stale=STALE, worker=WORKERS, first=st.integers(1, 3))
    def attempt_reports(self, index: int, stale: int, worker: WorkerId, first: int) -> None:
        played = self.played
        task = played.task(index)
        ref = AttemptRef(task_id=task.id, number=len(task.attempts) + stale)
        drafts = [
            EventDraft(
                time=NOW,
                task_id=task.id,
                attempt=ref.number,
                source_sequence=number,
                payload=Metric(step=number, values={}),
            )
            for number in range(first, first + 3)
        ]
        self.take(report(played.job, played.tasks, ref, worker, drafts))

    @rule(wish=st.sampled_from(["pause", "resume", "retry", "cancel", "cancel"]))
    def user_wishes(self, wish: str) -> None:
        played = self.played
        before = played.job, dict(played.tasks)
        try:
            change: JobChange = getattr(_Asking(played), wish)()
        except (JobEnded, JobNotEnded):
            assert (played.job, played.tasks) == before
            return
        self.take(change)

    @precondition(lambda self: self.played.job.state.is_terminal)
    @rule(index=st.integers(0, 3), worker=WORKERS, how=ENDS)
    def late_news_of_an_ended_job_is_void(
        self, index: int, worker: WorkerId, how: AttemptEnd
    ) -> None:
        played = self.played
        task = played.task(index)
        for change in (
            start(played.job, played.tasks, [(played.next_ref(index), worker)], NOW),
            finish_rule(played.job, played.tasks, None, [(task.current, how)], NOW, lambda: 0.0),
        ):
            assert change.refused
            assert (change.job, change.tasks, change.events) == (played.job, (), ())

    @invariant()
    def counts_are_those_of_the_tasks(self) -> None:
        counts = Counter(task.state for task in self.played.tasks.values())
        assert {state: n for state, n in self.played.job.task_counts.items() if n} == counts

    @invariant()
    def job_has_ended_when_its_tasks_have(self) -> None:
        job = self.played.job
        all_ended = all(task.state.is_terminal for task in self.played.tasks.values())
        assert job.state.is_terminal is all_ended
        assert (job.end_time is not None) is job.state.is_terminal

    @invariant()
    def attempts_are_numbered_and_at_most_one_of_them_is_open_or_succeeded(self) -> None:
        for task in self.played.tasks.values():
            assert [a.number for a in task.attempts] == list(range(1, len(task.attempts) + 1))
            open_ones = [a for a in task.attempts if a.outcome is None]
            assert len(open_ones) == (task.state is TaskState.RUNNING)
            outcomes = Counter(a.outcome for a in task.attempts)
            assert outcomes[AttemptOutcome.SUCCEEDED] == (task.state is TaskState.SUCCEEDED)

    @invariant()
    def events_tell_the_whole_story(self) -> None:
        tasks: dict[str, Any] = dict.fromkeys(self.played.tasks, TaskState.QUEUED)
        job_state = None
        for number, draft in enumerate(self.told):
            match draft.payload:
                case TaskStateChange(state=state):
                    tasks[draft.task_id] = state
                case JobStateChange(state=state):
                    job_state = state
            if draft.is_terminal and number + 1 < len(self.told):
                following = self.told[number + 1].payload
                assert isinstance(following, JobStateChange), "only a retry follows an end"
                assert not following.state.is_terminal
        assert tasks == {task.id: task.state for task in self.played.tasks.values()}
        assert job_state is self.played.job.state


class _Asking:
    """The users' rules, without taking their changes."""

    def __init__(self, played: Played) -> None:
        self._copy = Played()
        self._copy.job, self._copy.tasks = played.job, dict(played.tasks)

    def __getattr__(self, wish: str) -> Any:
        return getattr(self._copy, wish)


TestJobLife = JobLife.TestCase
TestJobLife.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)
