"""When the resources of a machine were used up: streaks of samples beyond a limit.

Limits:
    cpu: at least 90 % busy.
    core: a chosen process takes one whole core (97 % to 105 %) and no more, as single-threaded
        servers do; or, of another machine than the generator's, one core is 97 % busy.
    memory: at least 95 % used, or swap that grows.
    disk: a disk busy at least 90 % of the time. One that serves many requests at once, such as an
        NVMe, may still have room then.
    network: an interface at 90 % of its speed, where that is known.
    load: a load average above twice the cores. It is an average over a minute: it comes late, and
        stays for a while.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from statistics import fmean

from tensorfleet.kinds.loadtest.record import Sample, Watched

INTERVALS = 3
"""A resource is used up when it was beyond its limit for so many samples in a row."""

CPU = 0.90
CORE = 0.97
# Counters are read a little unevenly: one core may seem to give a little more than it has.
MOST_OF_ONE_CORE = 1.05
MEMORY = 0.95
SWAP_GROWTH_BYTES = 1024 * 1024
DISK = 0.90
NETWORK = 0.90
LOAD_PER_CORE = 2.0
# A longer pause between samples ends a streak: nobody knows what was in between.
GAP_INTERVALS = 2.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Streak:
    """Samples in a row beyond a limit."""

    limit: float
    ends: tuple[float, ...]
    """Of the samples' intervals."""
    values: tuple[float, ...]
    interval_seconds: float
    subject: str
    """"cpu", "process `nginx`"."""
    describe: Callable[[float], str]

    @property
    def start(self) -> float:
        """When the first interval began."""
        return self.ends[0] - self.interval_seconds

    @property
    def middle_of_first(self) -> float:
        """Of the first interval."""
        return self.ends[0] - self.interval_seconds / 2

    @property
    def mean(self) -> float:
        """Over all of it."""
        return fmean(self.values)

    @property
    def told(self) -> str:
        """In words: "at 96 %"."""
        return self.describe(self.mean)

    def within(self, start: float, end: float) -> "Streak | None":
        """The samples that lie in a time for the greater part."""
        half = self.interval_seconds / 2
        inside = [
            (at, value)
            for at, value in zip(self.ends, self.values, strict=True)
            if start <= at - half <= end
        ]
        if not inside:
            return None
        return replace(
            self,
            ends=tuple(at for at, _ in inside),
            values=tuple(value for _, value in inside),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Exhaustion:
    """A resource that was used up at times."""

    name: str
    streaks: tuple[Streak, ...]
    """In order of time; also those that are too short to count."""


def exhaustions(machine: Watched) -> list[Exhaustion]:
    """The resources of a machine that were beyond their limits, each once."""
    found: dict[str, list[Streak]] = {}
    for rule in _rules(machine):
        found.setdefault(rule.resource, []).extend(_streaks(machine, rule))
    return [
        Exhaustion(name=name, streaks=tuple(sorted(streaks, key=lambda streak: streak.start)))
        for name, streaks in found.items()
        if streaks
    ]


def stolen_share(samples: Sequence[Sample]) -> float:
    """How much of the CPU time a hypervisor took for others."""
    return fmean([sample.cpu_steal or 0.0 for sample in samples] or [0.0])


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rule:
    resource: str
    limit: float
    value: Callable[[Sample, Sample | None], float | None]
    """Of a sample and the one before it."""
    describe: Callable[[float], str]
    subject: str = ""
    most: float = float("inf")


def _rules(machine: Watched) -> list[_Rule]:
    rules = [
        _Rule(resource="cpu", limit=CPU, value=_cpu, describe=_share),
        _Rule(resource="memory", limit=MEMORY, value=_memory, describe=_share),
        _Rule(
            resource="memory",
            limit=SWAP_GROWTH_BYTES,
            value=_swap_growth,
            describe=lambda value: f"swapped out, {value / 1e6:.0f} MB an interval,",
        ),
        _Rule(
            resource="disk",
            limit=DISK,
            value=lambda sample, _: sample.disk_busy,
            describe=lambda value: f"busy {value:.0%} of the time",
        ),
        _Rule(
            resource="network",
            limit=NETWORK,
            value=lambda sample, _: sample.network_busy,
            describe=lambda value: f"at {value:.0%} of its speed",
        ),
    ]
    for name in dict.fromkeys(p.name for sample in machine.samples for p in sample.processes):
        rules.append(_process_rule(name))
    # A generator spins between arrivals: on its own machine a busy core says nothing.
    if machine.source != "local":
        rules.append(
            _Rule(
                resource="core",
                limit=CORE,
                value=_core,
                describe=_share,
                subject="the busiest core",
            )
        )
    if machine.core_count:
        rules.append(
            _Rule(
                resource="load",
                limit=LOAD_PER_CORE * machine.core_count,
                value=lambda sample, _: sample.load_average,
                describe=lambda value: f"of {value:.1f} on {machine.core_count} cores",
                subject="load average",
            )
        )
    return rules


def _process_rule(name: str) -> _Rule:
    def busiest(sample: Sample, _: Sample | None) -> float | None:
        return next((p.busiest_share for p in sample.processes if p.name == name), None)

    return _Rule(
        resource="core",
        limit=CORE,
        most=MOST_OF_ONE_CORE,
        value=busiest,
        describe=lambda value: f"used one core to {value:.0%} and no second one",
        subject=f"process {name}",
    )


def _streaks(machine: Watched, rule: _Rule) -> list[Streak]:
    found: list[Streak] = []
    run: list[tuple[float, float]] = []
    before: Sample | None = None

    def end_run() -> None:
        if run:
            found.append(
                Streak(
                    limit=rule.limit,
                    ends=tuple(at for at, _ in run),
                    values=tuple(value for _, value in run),
                    interval_seconds=machine.interval_seconds,
                    subject=rule.subject or rule.resource,
                    describe=rule.describe,
                )
            )
            run.clear()

    for sample in machine.samples:
        value = rule.value(sample, before)
        if before is not None and sample.at - before.at > GAP_INTERVALS * machine.interval_seconds:
            end_run()
        before = sample
        if value is not None and rule.limit <= value <= rule.most:
            run.append((sample.at, value))
        else:
            end_run()
    end_run()
    return found


def _share(value: float) -> str:
    return f"at {value:.0%}"


def _cpu(sample: Sample, _: Sample | None) -> float | None:
    if sample.cpu_idle is None:
        return None
    return 1.0 - sample.cpu_idle - (sample.cpu_iowait or 0.0)


def _core(sample: Sample, _: Sample | None) -> float | None:
    return max(sample.cores, default=None)


def _memory(sample: Sample, _: Sample | None) -> float | None:
    if sample.memory_used_bytes is None or not sample.memory_total_bytes:
        return None
    return sample.memory_used_bytes / sample.memory_total_bytes


def _swap_growth(sample: Sample, before: Sample | None) -> float | None:
    if before is None or sample.swap_used_bytes is None or before.swap_used_bytes is None:
        return None
    return float(sample.swap_used_bytes - before.swap_used_bytes)
