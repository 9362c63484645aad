"""Values: how long a call takes, by a loop around it."""

import gc
import os
import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from time import perf_counter
from typing import Any

from tensorfleet.kinds.profile.measurement import Usage
from tensorfleet.kinds.profile.measuring.fresh_arguments import Arguments

# Copies of changing inputs are made in advance for so many calls of one value at once.
MAX_COPIES = 1024
MAX_COPIED_BYTES = 32 * 1024 * 1024
MAX_LOOPS = 2**30


class Timer:
    """Times one function on one input.

    The loop is the one of pyperf's `bench_func`, so that figures mean the same: a call through
    `functools.partial` in a `for` over a range, between two readings of `time.perf_counter`, which
    is monotonic. Its own cost, some ten nanoseconds a call, is part of a value.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        arguments: Arguments,
        fresh: Callable[[], Arguments] | None,
        *,
        input_bytes: int,
        is_gc_enabled: bool,
    ) -> None:
        """`fresh` gives new arguments for each call; None: the calls may share the given ones."""
        self._function = function
        self._arguments = arguments
        self._fresh = fresh
        self._copies = max(1, min(MAX_COPIES, MAX_COPIED_BYTES // max(1, input_bytes)))
        self._is_gc_enabled = is_gc_enabled

    def value(self, loops: int) -> tuple[float, Usage]:
        """Seconds a call, over so many calls, and what they used."""
        usage = _Used()
        with self._garbage_policy():
            if self._fresh is None:
                with usage:
                    seconds = _loop(partial(self._function, *self._arguments), loops)
            else:
                seconds = self._on_copies(loops, usage)
        return seconds / loops, usage.total(loops, seconds)

    def calibrate(self, value_seconds: float) -> int:
        """How many calls last at least that long, a power of two."""
        loops = 1
        while loops < MAX_LOOPS:
            seconds = self.value(loops)[0] * loops
            if seconds >= value_seconds:
                break
            # At most ten times as many: the first call may have been a slow one.
            missing = value_seconds / max(seconds, 1e-9)
            loops *= 2 if missing <= 2 else 4 if missing <= 4 else 8
        return loops

    def _on_copies(self, loops: int, usage: "_Used") -> float:
        assert self._fresh is not None  # noqa: S101  the caller has looked
        seconds = 0.0
        left = loops
        while left:
            count = min(left, self._copies)
            calls = [partial(self._function, *self._fresh()) for _ in range(count)]
            with usage:
                seconds += _one_after_the_other(calls)
            left -= count
        return seconds

    @contextmanager
    def _garbage_policy(self) -> Iterator[None]:
        # Every value starts with the same: nothing to collect.
        gc.collect()
        if self._is_gc_enabled:
            yield
            return
        gc.disable()
        try:
            yield
        finally:
            gc.enable()


def _loop(call: Callable[[], Any], loops: int) -> float:
    if loops == 1:
        begin = perf_counter()
        call()
        return perf_counter() - begin
    steps = range(loops)
    begin = perf_counter()
    for _ in steps:
        call()
    return perf_counter() - begin


def _one_after_the_other(calls: list[partial[Any]]) -> float:
    begin = perf_counter()
    for call in calls:
        call()
    return perf_counter() - begin


class _Used:
    """What this process and the children that it has waited for used while it was entered."""

    def __init__(self) -> None:
        self._sums = [0.0] * 5

    def __enter__(self) -> None:
        self._before = _counters()

    def __exit__(self, *_: object) -> None:
        after = _counters()
        for index, (old, new) in enumerate(zip(self._before, after, strict=True)):
            self._sums[index] += new - old

    def total(self, calls: int, wall_seconds: float) -> Usage:
        cpu, voluntary, involuntary, minor, major = self._sums
        return Usage(
            calls=calls,
            wall_seconds=wall_seconds,
            cpu_seconds=cpu,
            voluntary_switches=int(voluntary),
            involuntary_switches=int(involuntary),
            minor_faults=int(minor),
            major_faults=int(major),
        )


def _counters() -> tuple[float, ...]:
    own, children = (
        resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    return (
        sum(used.ru_utime + used.ru_stime for used in (own, children)),
        *(
            sum(getattr(used, name) for used in (own, children))
            for name in ("ru_nvcsw", "ru_nivcsw", "ru_minflt", "ru_majflt")
        ),
    )


def cpu_seconds() -> float:
    """CPU time of this process and of the children that it has waited for."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def add_usage(first: Usage | None, second: Usage) -> Usage:
    """Both together."""
    if first is None:
        return second
    return Usage(
        calls=first.calls + second.calls,
        wall_seconds=first.wall_seconds + second.wall_seconds,
        cpu_seconds=first.cpu_seconds + second.cpu_seconds,
        voluntary_switches=first.voluntary_switches + second.voluntary_switches,
        involuntary_switches=first.involuntary_switches + second.involuntary_switches,
        minor_faults=first.minor_faults + second.minor_faults,
        major_faults=first.major_faults + second.major_faults,
    )
