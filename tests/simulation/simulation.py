"""A fleet in simulated time: the scheduler's real rules, and everything that can go wrong.

Arrivals, rounds of decisions, claims, ends of tasks, faults and leases are events on one heap. All
chance comes from one seed, so that a run can be repeated exactly.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from heapq import heappop, heappush
from itertools import count
from random import Random

from tensorfleet.orchestrator.retry import AttemptOutcome
from tensorfleet.orchestrator.scheduling.matching import Placement
from tensorfleet.orchestrator.scheduling.offers import RunningHere
from tensorfleet.orchestrator.scheduling.order import priority_number
from tensorfleet.orchestrator.scheduling.waiting import Quota, Shares, Tenant
from tensorfleet.orchestrator.task import AttemptRef
from tensorfleet.shared.errors import LeaseLost
from tensorfleet.shared.ids import WorkerId
from tests.simulation.checks import Checks, Violation
from tests.simulation.machine import Fault, Machine, machine
from tests.simulation.records import Ledger, Records
from tests.simulation.replica import Cost, Replica
from tests.simulation.waiting_lines import Waiting, WaitingLine, WaitingLines, at
from tests.simulation.workload import (
    GROUPS,
    LONGEST_TASK_SECONDS,
    ArrivingJob,
    jobs,
    machines,
    task_seconds,
)

REPLICAS = 2
LEASE_SECONDS = 15.0
RENEW_SECONDS = 5.0
SLOW_RENEW_SECONDS = 22.0
ROUND_SECONDS = 0.25
CLAIM_SECONDS = 0.002
REFRESH_SECONDS = 30.0
STEP = timedelta(seconds=30)
TWINS_PAUSE_SECONDS = 2.0
FAILING_PART = 0.02
TWINS = (Tenant(project="twins-a", user="user"), Tenant(project="twins-b", user="user"))
# Three steps of ageing, then the tasks that run must end: once on the workers that a gang or a
# large task waits for, and once more when one of these workers fails meanwhile.
STARVATION_BOUND_SECONDS = 3 * STEP.total_seconds() + 2 * LONGEST_TASK_SECONDS


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How large, and which rule is broken on purpose to see that the checks notice."""

    workers: int = 1_000
    tasks: int = 50_000
    seed: int = 1
    is_fencing: bool = True
    is_ageing: bool = True
    is_fair: bool = True
    keeps_gangs_whole: bool = True
    requeues_lost: bool = True


@dataclass(slots=True)
class Result:
    """What a run was like."""

    simulated_seconds: float
    counts: Counter[str]
    longest_unserved: float
    twins: tuple[float, float]
    costs: dict[int, Cost] = field(default_factory=dict)


class Simulation:
    """One run."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._random = Random(options.seed)  # noqa: S311
        self._now = 0.0
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._order = count()
        self.checks = Checks(STARVATION_BOUND_SECONDS, fairness_within=0.05)
        self._records = Records(self._random, self.checks, is_fencing=options.is_fencing)
        capacities = machines(options.workers)
        cores = sum(capacity.cpus for capacity in capacities)
        self._quota = Quota(cpus=round(0.9 * cores))
        self._ledger = Ledger(self._quota)
        self._machines = {
            made.id: made
            for number, capacity in enumerate(capacities)
            for made in [machine(number, capacity, number % REPLICAS)]
        }
        self._lines = WaitingLines(GROUPS, on_first=self._retry_all)
        step = STEP if options.is_ageing else timedelta(days=1)
        self._replicas = [
            Replica(
                [made for made in self._machines.values() if made.replica == number],
                self._lines,
                self._random,
                step,
                self._preempt,
            )
            for number in range(REPLICAS)
        ]
        # About how long the work would take if it filled every core.
        work = options.tasks * sum(
            each.part * each.mean_seconds * each.shape.resources.cpus for each in GROUPS
        )
        self._run_seconds = work / cores
        self._left = 0
        self._twins = [line for line in self._lines.lines.values() if line.group.tenant in TWINS]
        self._twins_held = [0.0, 0.0]
        self._twins_watched: tuple[float, tuple[float, float]] | None = None

    def run(self) -> Result:
        """Runs until everything has ended.

        Raises:
            Violation: A promise was broken.
        """
        by_name = {id(line.group): line for line in self._lines.lines.values()}
        for job in jobs(self._random, self._options.tasks, self._run_seconds):
            line = by_name[id(job.group)]
            first = len(self._records.lines)
            self._records.lines += [line] * job.task_count
            self._at(job.time, partial(self._arrive, job, line, first))
        self._left = len(self._records.lines)
        self._plan_faults()
        self._at(REFRESH_SECONDS, self._refresh)
        deadline = 20 * self._run_seconds + 7200.0
        while self._events and self._left:
            self._now, _, happen = heappop(self._events)
            if self._now > deadline:
                break
            happen()
        self.checks.all_ended(len(self._records.lines))
        if sum(self._twins_held) > 0:
            self.checks.twins_shared(*self._twins_held)
        costs: dict[int, Cost] = {}
        for replica in self._replicas:
            for digits, cost in replica.costs.items():
                total = costs.setdefault(digits, Cost())
                total.decisions += cost.decisions
                total.seconds += cost.seconds
        return Result(
            self._now,
            self.checks.counts,
            self.checks.longest_unserved,
            (self._twins_held[0], self._twins_held[1]),
            dict(sorted(costs.items())),
        )

    def _at(self, time: float, happen: Callable[[], None]) -> None:
        heappush(self._events, (time, next(self._order), happen))

    # Waiting

    def _arrive(self, job: ArrivingJob, line: WaitingLine, first: int) -> None:
        size = job.group.gang_size
        for start in range(first, first + job.task_count, size):
            members = tuple(range(start, start + size))
            if size > 1:
                for member in members:
                    self._records.gangs[member] = members
            if size > 1 and not self._options.keeps_gangs_whole:
                for member in members:
                    self._lines.add(line, Waiting((member,), 1, self._now))
            else:
                self._lines.add(line, Waiting(members, 1, self._now))
        self._wake_all()

    def _retry_all(self) -> None:
        for replica in self._replicas:
            replica.retry_all()

    def _refresh(self) -> None:
        self._retry_all()
        self._wake_all()
        self._at(self._now + REFRESH_SECONDS, self._refresh)

    def _wake_all(self) -> None:
        for replica in self._replicas:
            self._wake(replica)

    def _wake(self, replica: Replica) -> None:
        if not replica.has_round and replica.has_work:
            replica.has_round = True
            self._at(self._now + ROUND_SECONDS, lambda: self._round(replica))

    # Deciding

    def _round(self, replica: Replica) -> None:
        shares = self._ledger.shares() if self._options.is_fair else Shares()
        placements, batch = replica.decide(shares, self._now)
        # Other orchestrators decide and claim in between.
        self._at(self._now + CLAIM_SECONDS, lambda: self._claim(replica, placements, batch))

    def _claim(self, replica: Replica, placements: list[Placement], batch: list[Machine]) -> None:
        has_twin = False
        for placement in placements:
            line = self._lines.lines[placement.line.id]
            last_served = line.last_served or 0.0
            entry = self._lines.claim(line.id, placement.entry, self._now)
            if entry is None:
                self.checks.counts["claims that came second"] += 1
                continue
            unserved = self._now - max(entry.since, last_served)
            self.checks.line_served(line.id, unserved)
            self._start(line, entry, placement)
            has_twin = has_twin or line in self._twins
        if has_twin:
            self._watch_twins()
        replica.looked_at(batch, placements)
        replica.has_round = False
        self._wake(replica)

    def _start(self, line: WaitingLine, entry: Waiting, placement: Placement) -> None:
        group = line.group
        seconds = task_seconds(self._random, group)
        for number, worker_id in zip(entry.tasks, placement.worker_ids, strict=True):
            on = self._machines[worker_id]
            ref = self._records.start(number, worker_id, self._now)
            had_others = bool(on.held)
            needs = group.shape.resources
            wrong = on.has_exclusive or (needs.is_exclusive and had_others)
            running = RunningHere(
                ref=ref,
                resources=needs,
                start_time=at(self._now),
                rank=priority_number(group.priority),
                is_preemptible=group.is_preemptible,
            )
            on.take(running, self._now)
            self.checks.room_taken(worker_id, on.free, wrong)
            self._ledger.change(line, 1, self._now)
            if on.is_reachable:
                on.running.add(ref)
                # A gang's members end one after another, so that some do while others fail.
                ends = self._now + seconds + 0.5 * self._random.random()
                self._at(ends, partial(self._process_ends, on, ref))
            if on.fault is not None:
                self._watch_leases(on, self._now + LEASE_SECONDS)
        self._check_gang(entry.tasks[0])

    # Ending

    def _process_ends(self, on: Machine, ref: AttemptRef) -> None:
        if ref not in on.running:
            return
        on.running.remove(ref)
        is_failed = self._random.random() < FAILING_PART
        outcome = AttemptOutcome.FAILED if is_failed else AttemptOutcome.SUCCEEDED
        if on.is_reachable:
            self._report(on, ref, outcome)
        else:
            on.unreported.append((ref, outcome))

    def _report(self, on: Machine, ref: AttemptRef, outcome: AttemptOutcome) -> None:
        try:
            self._records.check(ref)
        except LeaseLost:
            self.checks.counts["late reports refused"] += 1
            return
        if not self._options.is_fencing and ref not in on.held:
            self.checks.took_effect(int(ref.task_id))
            return
        self._end(ref, outcome)

    def _end(self, ref: AttemptRef, outcome: AttemptOutcome) -> None:
        """The attempt is over by all accounts; a gang's other members stop with it."""
        number = int(ref.task_id)
        line = self._records.lines[number]
        self._settle(number, ref, outcome)
        self.checks.counts[outcome.value] += 1
        if outcome is AttemptOutcome.SUCCEEDED:
            self._left -= 1
            return
        members = self._records.alive(number)
        for member in members:
            where = self._records.worker_of(member)
            if where is not None:
                self._machines[where[0]].running.discard(where[1])
                self._settle(member, where[1], AttemptOutcome.PREEMPTED)
        again = self._records.following(number)
        if again is None:
            for member in members:
                self._records.give_up(member)
            self._left -= len(members)
        elif outcome is AttemptOutcome.LOST and not self._options.requeues_lost:
            self.checks.counts["forgotten"] += 1
        else:
            entry = self._records.next_entry(members, self._now)
            delay = again.delay.total_seconds()
            if delay:
                entry.since += delay
                self._at(entry.since, lambda: self._wait_again(line, entry, at_front=False))
            else:
                self._wait_again(line, entry, at_front=again.at_front)
        self._check_gang(number)

    def _settle(self, number: int, ref: AttemptRef, outcome: AttemptOutcome) -> None:
        where = self._records.worker_of(number)
        assert where is not None
        on = self._machines[where[0]]
        self._records.end(ref, outcome, self._now)
        on.give_back(ref)
        self._ledger.change(self._records.lines[number], -1, self._now)
        replica = self._replicas[on.replica]
        replica.changed(on)
        self._wake(replica)

    def _wait_again(self, line: WaitingLine, entry: Waiting, *, at_front: bool) -> None:
        if self._options.keeps_gangs_whole:
            self._lines.add(line, entry, at_front=at_front)
        else:
            for member in entry.tasks:
                self._lines.add(line, Waiting((member,), entry.attempt, entry.since))
        self._wake_all()

    def _preempt(self, worker_id: WorkerId, ref: AttemptRef) -> None:
        on = self._machines[worker_id]
        self.checks.counts["told to make room"] += 1

        def stop() -> None:
            if ref in on.running and on.is_reachable:
                on.running.remove(ref)
                self._report(on, ref, AttemptOutcome.PREEMPTED)

        self._at(self._now + 2 * self._random.random(), stop)

    def _check_gang(self, number: int) -> None:
        if number in self._records.gangs:
            self.checks.gang_changed(self._records.gangs[number])

    # Faults

    def _plan_faults(self) -> None:
        for on in self._machines.values():
            if self._random.random() < 0.06:
                fault = self._random.choice(list(Fault))
                time = self._random.uniform(1.0, self._run_seconds)
                self._at(time, partial(self._fail, on, fault))

    def _fail(self, on: Machine, fault: Fault) -> None:
        on.fault = fault
        on.last_renewal = self._now - self._random.uniform(0.0, RENEW_SECONDS)
        self.checks.counts[fault.value] += 1
        if fault is Fault.CRASHED:
            on.running.clear()
        self._watch_leases(on, on.last_renewal + LEASE_SECONDS)
        if fault is Fault.SLOW_CLOCK:
            for renewal in range(1, 5):
                time = on.last_renewal + renewal * SLOW_RENEW_SECONDS
                self._at(time, lambda: self._renew(on))
        length = self._random.uniform(2.0, 120.0) if fault is not Fault.SLOW_CLOCK else 100.0
        self._at(self._now + length, lambda: self._heal(on))

    def _watch_leases(self, on: Machine, time: float) -> None:
        """Looks at a worker's leases at a time, unless that happens earlier anyway."""
        if on.lease_check is None or time < on.lease_check:
            on.lease_check = time
            self._at(time, lambda: self._expire(on, time))

    def _expire(self, on: Machine, time: float) -> None:
        """Takes away what was not renewed in time."""
        if on.lease_check != time:
            return
        on.lease_check = None
        known = on.running | {ref for ref, _ in on.unreported}
        following: list[float] = []
        for ref, start in list(on.claim_times.items()):
            # It may have stopped with its gang just now.
            if ref not in on.held or (on.fault is None and ref in known):
                continue
            is_renewed = ref in known or on.fault is Fault.CRASHED
            expiry = (max(on.last_renewal, start) if is_renewed else start) + LEASE_SECONDS
            if self._now >= expiry:
                self._end(ref, AttemptOutcome.LOST)
            else:
                following.append(expiry)
        if on.fault is not None and self._now >= on.last_renewal + LEASE_SECONDS:
            on.is_online = False
        if following:
            self._watch_leases(on, min(following))

    def _renew(self, on: Machine) -> None:
        """The worker is heard of, and told which of its attempts are not its own any more."""
        on.last_renewal = self._now
        on.is_online = True
        on.running &= set(on.held)
        self._replicas[on.replica].changed(on)
        if on.fault is not None:
            self._watch_leases(on, self._now + LEASE_SECONDS)

    def _heal(self, on: Machine) -> None:
        fault, on.fault = on.fault, None
        unreported, on.unreported = on.unreported, []
        if fault is Fault.CRASHED:
            # It comes back as another instance, which tells that all it had is gone.
            for ref in list(on.held):
                if ref in on.held:
                    self._end(ref, AttemptOutcome.LOST)
        if self._random.random() < 0.5:
            self._renew(on)
            unreported = [(ref, outcome) for ref, outcome in unreported if ref in on.held]
        for ref, outcome in unreported:
            self._report(on, ref, outcome)
        self._renew(on)
        self._wake(self._replicas[on.replica])

    # Fairness

    def _watch_twins(self) -> None:
        """Adds up what the twins hold between two claims of theirs, while both wait for more.

        While neither is served, because more urgent work takes all, only their tasks' lengths say
        what they hold.
        """
        now = self._twins_now()
        if self._twins_watched and self._now - self._twins_watched[0] < TWINS_PAUSE_SECONDS:
            _, before = self._twins_watched
            self._twins_held[0] += now[0] - before[0]
            self._twins_held[1] += now[1] - before[1]
        is_waiting = all(line.entries for line in self._twins)
        self._twins_watched = (self._now, now) if is_waiting else None

    def _twins_now(self) -> tuple[float, float]:
        first, second = TWINS
        return self._ledger.settle(first, self._now), self._ledger.settle(second, self._now)


__all__ = ["Options", "Result", "Simulation", "Violation"]
