"""What casts doubt on measured times, and what to do about it."""

import math
from collections.abc import Sequence

import numpy as np

from tensorfleet.kinds.profile.measurement import Disturbance, Machine, Problem, Usage
from tensorfleet.kinds.profile.statistics.resampling import Floats
from tensorfleet.kinds.profile.statistics.summary import Summary, process_medians, summarize

_LARGEST_SPREAD = 0.10
"""Standard deviation through mean, as pyperf warns of."""
_LARGEST_HALF_WIDTH = 0.05
_OUTLIER_FACTOR = 1.5
"""A value is an outlier above this many medians."""
_SMALLEST_DRIFT = 0.02
_FEWEST_FOR_SHAPE = 8
"""Processes from which drift and modes can be seen."""
_MODE_SEPARATION = 7.0
"""Distance of two groups' means through their spread. Of normal values it is about 3."""
_SMALLEST_MODE_GAP = 0.03
_SHORTEST_VALUE_SECONDS = 0.0002
_LARGEST_OTHER_SHARE = 0.25
_LARGEST_STEAL_SHARE = 0.05
_MOST_SWITCHES_PER_SECOND = 50.0
_FEWEST_SWITCHES = 20
_LARGEST_LOAD_PER_CORE = 0.5


def warnings(
    processes: Sequence[Sequence[float]],
    *,
    loops: int = 0,
    usage: Usage | None = None,
    disturbance: Disturbance | None = None,
    summary: Summary | None = None,
) -> tuple[Problem, ...]:
    """Why the times of one size may not be what they would be the next time.

    Args:
        processes: Seconds a call; one tuple of values for each process, in the order of running.
        loops: Calls in one value; 0 when unknown.
        usage: What the calls used.
        disturbance: What else the machine did.
        summary: Of the processes, where it is at hand.
    """
    found: list[Problem | None] = [_load_problem(disturbance), _switches_problem(usage)]
    if any(len(values) for values in processes):
        figures = summary or summarize(processes)
        medians = process_medians(processes)
        found += [
            _few_problem(figures),
            _spread_problem(figures),
            _interval_problem(figures),
            _outlier_problem(processes, figures),
            _drift_problem(medians),
            _modes_problem(medians),
            _clock_problem(figures, loops),
        ]
    return tuple(problem for problem in found if problem is not None)


def is_disturbed(disturbance: Disturbance | None) -> bool:
    """Whether the machine did so much else that times may be of that, too."""
    return _load_problem(disturbance) is not None


def machine_warnings(machine: Machine) -> tuple[Problem, ...]:
    """What about the machine makes its times unsteady: told once for all that it measured."""
    found = []
    if machine.governor and machine.governor != "performance":
        found.append(
            Problem(
                code="CPU_GOVERNOR",
                message=f'the CPU\'s frequency governor is "{machine.governor}": its speed changes '
                'while measuring; set it to "performance" (cpupower frequency-set -g performance)',
            )
        )
    if machine.cores and machine.load > _LARGEST_LOAD_PER_CORE * machine.cores:
        found.append(
            Problem(
                code="LOADED_AT_START",
                message=f"the machine had a load of {machine.load:.1f} on {machine.cores} cores "
                "when measuring began; stop what else runs there, or use another worker",
            )
        )
    return tuple(found)


def _few_problem(figures: Summary) -> Problem | None:
    if figures.process_count > 2:
        return None
    return Problem(
        code="FEW_PROCESSES",
        message=f"{figures.process_count} measuring process(es) say little about how the next one "
        "would do; take at least 6, better 12",
    )


def _spread_problem(figures: Summary) -> Problem | None:
    if figures.value_count < 3 or figures.mean <= 0:
        return None
    spread = figures.std / figures.mean
    if spread <= _LARGEST_SPREAD:
        return None
    return Problem(
        code="UNSTABLE",
        message=f"values differ widely: their standard deviation is {100 * spread:.0f} % of the "
        "mean; measure on a quieter machine, or with longer values (value_seconds)",
    )


def _interval_problem(figures: Summary) -> Problem | None:
    half = figures.relative_half_width
    if half is None or half <= _LARGEST_HALF_WIDTH:
        return None
    wanted = math.ceil(figures.process_count * (half / _LARGEST_HALF_WIDTH) ** 2)
    return Problem(
        code="WIDE_INTERVAL",
        message=f"the median is only known to ± {100 * half:.0f} %; about {min(wanted, 1000)} "
        "processes would bring that to 5 %",
    )


def _outlier_problem(processes: Sequence[Sequence[float]], figures: Summary) -> Problem | None:
    slow = sum(1 for run in processes for value in run if value > _OUTLIER_FACTOR * figures.median)
    if slow == 0 or figures.value_count < 5 or slow > figures.value_count / 4:
        return None
    factor = figures.maximum / figures.median
    return Problem(
        code="OUTLIERS",
        message=f"{slow} of {figures.value_count} values are far slower than the median, the "
        f"slowest {factor:.1f} times; the median is not moved by them, the mean is",
    )


def _drift_problem(medians: Floats) -> Problem | None:
    """A trend over the processes: Spearman's rank correlation, and Theil and Sen's slope.

    H. Theil, A Rank-Invariant Method of Linear and Polynomial Regression Analysis (1950); P. K.
    Sen, Estimates of the Regression Coefficient Based on Kendall's Tau (1968).
    """
    count = len(medians)
    if count < _FEWEST_FOR_SHAPE or float(medians.min()) <= 0:
        return None
    order = np.arange(count)
    ranks = np.argsort(np.argsort(medians))
    correlation = float(np.corrcoef(order, ranks)[0, 1])
    first, second = np.triu_indices(count, 1)
    slope = float(np.median((medians[second] - medians[first]) / (second - first)))
    change = slope * (count - 1) / float(np.median(medians))
    # The variance of the rank correlation of unrelated orders is 1 / (n - 1).
    is_significant = abs(correlation) * math.sqrt(count - 1) > 2.6
    if not is_significant or abs(change) < _SMALLEST_DRIFT:
        return None
    word = "slower" if change > 0 else "faster"
    return Problem(
        code="DRIFT",
        message=f"it got {word} by {100 * abs(change):.0f} % from the first process to the last: "
        "the machine warmed up, slowed down or got busy; measure again when it is steady",
    )


def _modes_problem(medians: Floats) -> Problem | None:
    """Two groups of processes: the split of the sorted medians with the least spread within."""
    count = len(medians)
    if count < _FEWEST_FOR_SHAPE:
        return None
    ordered = np.sort(medians)
    fewest = max(2, math.ceil(count / 5))
    splits = range(fewest, count - fewest + 1)
    within = [
        math.sqrt((ordered[:at].var() * at + ordered[at:].var() * (count - at)) / count)
        for at in splits
    ]
    best = int(np.argmin(within))
    at = splits[best]
    low, high = float(ordered[:at].mean()), float(ordered[at:].mean())
    gap = float(ordered[at] - ordered[at - 1])
    is_apart = (high - low) > _MODE_SEPARATION * within[best]
    if not is_apart or low <= 0 or gap < _SMALLEST_MODE_GAP * low:
        return None
    return Problem(
        code="TWO_MODES",
        message=f"processes fall into two groups, {at} around the one and {count - at} "
        f"{100 * (high / low - 1):.0f} % slower: look for what differs between them (hash seeds, "
        "memory layout, kinds of CPU cores); more processes do not remove this",
    )


def _clock_problem(figures: Summary, loops: int) -> Problem | None:
    seconds = figures.median * loops
    if not loops or seconds >= _SHORTEST_VALUE_SECONDS:
        return None
    return Problem(
        code="SHORT_VALUES",
        message=f"one value lasts only {1e6 * seconds:.0f} µs, too short for the clock; "
        "raise value_seconds",
    )


def _load_problem(disturbance: Disturbance | None) -> Problem | None:
    if disturbance is None:
        return None
    if disturbance.steal_share > _LARGEST_STEAL_SHARE:
        return Problem(
            code="STEAL",
            message=f"the hypervisor gave {disturbance.steal_share:.2f} cores' time to other "
            "machines; measure on a dedicated machine",
        )
    if disturbance.other_cpu_share > _LARGEST_OTHER_SHARE:
        return Problem(
            code="DISTURBED",
            message=f"other processes used {disturbance.other_cpu_share:.2f} cores meanwhile; "
            "stop them, or use another worker",
        )
    return None


def _switches_problem(usage: Usage | None) -> Problem | None:
    if usage is None or usage.wall_seconds <= 0:
        return None
    rate = usage.involuntary_switches / usage.wall_seconds
    is_usual = rate <= _MOST_SWITCHES_PER_SECOND
    if is_usual or usage.involuntary_switches < _FEWEST_SWITCHES:
        return None
    return Problem(
        code="INTERRUPTED",
        message=f"the measured process was taken off its core {rate:.0f} times a second: others "
        "wanted it; give the worker free cores",
    )
