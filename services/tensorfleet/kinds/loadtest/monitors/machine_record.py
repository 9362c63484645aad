"""What is kept of one machine, in bounded memory however long the run."""

from collections.abc import Callable, Sequence
from statistics import fmean

import msgspec

from tensorfleet.kinds.loadtest.record import ProcessSample, Sample, Watched

MOST_SAMPLES = 7200
MOST_PROBLEMS = 20
_NOT_AVERAGED = frozenset({"at", "cores", "processes"})
_COUNTS = frozenset({"memory_used_bytes", "memory_total_bytes", "swap_used_bytes"})


class MachineRecord:
    """A machine's samples and problems; the sink of its source.

    With `most_samples` (an even number) reached, each two become one: the record of
    a long run has longer intervals instead of more of them.
    """

    def __init__(
        self,
        *,
        alias: str,
        source: str,
        host: str,
        interval_seconds: float,
        ping: Callable[[], float | None] = lambda: None,
        most_samples: int = MOST_SAMPLES,
    ) -> None:
        self._empty = Watched(
            alias=alias, source=source, host=host, interval_seconds=interval_seconds
        )
        self._ping = ping
        self._most_samples = most_samples
        self._together = 1
        self._samples: list[Sample] = []
        self._gathering: list[Sample] = []
        self._problems: list[str] = []
        self._core_count = 0
        self._on_settled: Callable[[], None] | None = None

    def on_settled(self, call: Callable[[], None]) -> None:
        """Calls it when the source has settled."""
        self._on_settled = call

    def add(self, sample: Sample) -> None:
        """The next sample; its ping is added where the source tells none."""
        if sample.ping_seconds is None and (ping := self._ping()) is not None:
            sample = msgspec.structs.replace(sample, ping_seconds=ping)
        self._gathering.append(sample)
        if len(self._gathering) < self._together:
            return
        self._samples.append(merged(self._gathering))
        self._gathering = []
        if len(self._samples) >= self._most_samples:
            self._thin()

    def problem(self, text: str) -> None:
        """Keeps it, once; of very many different ones the first."""
        if text not in self._problems and len(self._problems) < MOST_PROBLEMS:
            self._problems.append(text)

    def cores(self, count: int) -> None:
        """How many the machine has."""
        self._core_count = count

    def settled(self) -> None:
        """Wakes whoever waits for the machine."""
        if self._on_settled is not None:
            self._on_settled()

    def watched(self) -> Watched:
        """What was seen so far."""
        return msgspec.structs.replace(
            self._empty,
            interval_seconds=self._empty.interval_seconds * self._together,
            core_count=self._core_count,
            samples=(*self._samples, *([merged(self._gathering)] if self._gathering else [])),
            problems=tuple(self._problems),
        )

    def _thin(self) -> None:
        self._together *= 2
        pairs = zip(self._samples[::2], self._samples[1::2], strict=True)
        self._samples = [merged(pair) for pair in pairs]


def merged(samples: Sequence[Sample]) -> Sample:
    """One sample over the time of several equally long ones: averages of what they tell."""
    if len(samples) == 1:
        return samples[0]
    last = samples[-1]
    averages: dict[str, float | int] = {}
    for name in Sample.__struct_fields__:
        if name in _NOT_AVERAGED:
            continue
        values = [value for sample in samples if (value := getattr(sample, name)) is not None]
        if values:
            averages[name] = round(fmean(values)) if name in _COUNTS else fmean(values)
    return msgspec.structs.replace(
        last, cores=_merged_cores(samples), processes=_merged_processes(samples), **averages
    )


def _merged_cores(samples: Sequence[Sample]) -> tuple[float, ...]:
    if len({len(sample.cores) for sample in samples}) != 1:
        return samples[-1].cores
    return tuple(fmean(shares) for shares in zip(*(s.cores for s in samples), strict=True))


def _merged_processes(samples: Sequence[Sample]) -> tuple[ProcessSample, ...]:
    by_name: dict[str, list[ProcessSample]] = {}
    for sample in samples:
        for process in sample.processes:
            by_name.setdefault(process.name, []).append(process)
    return tuple(
        ProcessSample(
            name=name,
            count=several[-1].count,
            cpu_share=fmean(process.cpu_share for process in several),
            memory_bytes=round(fmean(process.memory_bytes for process in several)),
            busiest_share=fmean(process.busiest_share for process in several),
        )
        for name, several in by_name.items()
    )
