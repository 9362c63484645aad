"""A job's results against those of an earlier one: the gate for regressions."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tensorfleet.kinds.profile.measurement import Machine, Processes
from tensorfleet.kinds.profile.readings import Readings
from tensorfleet.kinds.profile.statistics.comparison import compare_recorded
from tensorfleet.kinds.profile.statistics.stability import is_disturbed
from tensorfleet.shared.errors import FieldError, InvalidInput

_PERCENTAGE = re.compile(r"(?P<number>\d+(\.\d+)?)\s*(?P<percent>%?)")
_TRUTHS = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
_MOST_NAMED = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """What was asked of the comparison with a baseline."""

    normalize: bool = False
    max_regression: float | None = None
    """0.05: more than 5 % slower is a regression; None: nothing is marked."""


@dataclass(frozen=True, slots=True)
class _Measured:
    """The times of one algorithm, input and size on one machine; of repeats, all of them."""

    machine: Machine
    processes: Processes
    is_disturbed: bool
    """Whether the machine did other work meanwhile."""


_Key = tuple[str, str, int]
"""Algorithm, input and size."""


def parse_options(options: Mapping[str, str], *, has_baseline: bool) -> Choices:
    """The options of a report.

    Raises:
        InvalidInput: One is unknown, wrong, or of no use without a baseline.
    """
    unknown = sorted(set(options) - {"normalize", "max_regression"})
    if unknown:
        raise _wrong(unknown[0], "is unknown; there are: normalize, max_regression")
    if options and not has_baseline:
        raise _wrong(min(options), "needs a baseline: name the job to compare with")
    normalize = options.get("normalize", "false").lower()
    if normalize not in _TRUTHS:
        raise _wrong("normalize", "must be true or false")
    limit = options.get("max_regression")
    return Choices(
        normalize=_TRUTHS[normalize], max_regression=None if limit is None else _share(limit)
    )


def against(now: Readings, then: Readings, choices: Choices) -> dict[str, Any]:
    """Each algorithm, input and size that both jobs measured.

    An entry is marked as regressed when it takes longer than `max_regression` allows and the whole
    interval of its ratio is above 1: a machine's noise alone is no regression. A single gate of
    many entries has few false alarms, because both must hold.

    Raises:
        InvalidInput: Machines differ and `normalize` was not asked for, or nothing matches.
    """
    present, earlier = _collected(now), _collected(then)
    shared = [key for key in present if key in earlier]
    if not shared:
        message = (
            "the two jobs have no algorithm, input and size in common that both measured; "
            "run the job again with the baseline's algorithms and sizes"
        )
        raise InvalidInput(message)
    pairs = [(key, *_partners(present[key], earlier[key])) for key in shared]
    strange = [
        (a.machine, b.machine)
        for _, a, b in pairs
        if a.machine.fingerprint != b.machine.fingerprint
    ]
    if strange and not choices.normalize:
        raise _other_machine(*strange[0])
    entries = [_entry(key, a, b, choices) for key, a, b in pairs]
    normalized = sum(entry["normalized"] for entry in entries)
    return {
        "normalized": bool(normalized),
        "message": _summary(entries, normalized, choices),
        "max_regression": choices.max_regression,
        "regressions": sum(entry["regressed"] for entry in entries),
        "cells": entries,
        "missing": [_named(key) for key in earlier if key not in present],
        "added": [_named(key) for key in present if key not in earlier],
    }


def _entry(key: _Key, a: _Measured, b: _Measured, choices: Choices) -> dict[str, Any]:
    is_normalized = a.machine.fingerprint != b.machine.fingerprint
    scale = 1.0
    if is_normalized:
        if min(a.machine.yardstick_seconds, b.machine.yardstick_seconds) <= 0:
            message = (
                f"results of {_called(a.machine)} and {_called(b.machine)} cannot be normalised: "
                "one has no yardstick; measure both again"
            )
            raise InvalidInput(message)
        scale = a.machine.yardstick_seconds / b.machine.yardstick_seconds
    verdict = compare_recorded(a.processes, b.processes, scale=scale)
    message = verdict.message
    if is_normalized:
        message += (
            f"; normalised: {_called(b.machine)} against {_called(a.machine)}, by the time of a "
            f"fixed piece of work (× {scale:.3f}), which is a rough measure"
        )
    disturbed = a.is_disturbed or b.is_disturbed
    if disturbed:
        when = (
            "both times"
            if a.is_disturbed and b.is_disturbed
            else ("when the baseline was measured" if a.is_disturbed else "this time")
        )
        message += f"; the machine was busy with other work {when}: measure again"
    limit = choices.max_regression
    is_regressed = (
        limit is not None
        and verdict.low is not None
        and verdict.low > 1.0
        and verdict.ratio > 1.0 + limit
    )
    return {
        **_named(key),
        "machine": b.machine.fingerprint,
        "baseline_machine": a.machine.fingerprint,
        "ratio": verdict.ratio if verdict.round_count else None,
        "low": verdict.low,
        "high": verdict.high,
        "p_value": verdict.p_value,
        "verdict": verdict.verdict,
        "message": message,
        "normalized": is_normalized,
        "disturbed": disturbed,
        "regressed": is_regressed,
    }


def _collected(readings: Readings) -> dict[_Key, list[_Measured]]:
    found: dict[_Key, list[_Measured]] = {}
    for key, measured in _measured(readings):
        if not any(measured.processes):
            continue
        known = found.setdefault(key, [])
        for index, other in enumerate(known):
            if other.machine.fingerprint == measured.machine.fingerprint:
                known[index] = _Measured(
                    machine=measured.machine,
                    processes=other.processes + measured.processes,
                    is_disturbed=other.is_disturbed or measured.is_disturbed,
                )
                break
        else:
            known.append(measured)
    return found


def _measured(readings: Readings) -> Iterator[tuple[_Key, _Measured]]:
    for _, series in readings.series:
        for cell in series.cells:
            yield (
                (series.algorithm.name, series.input, cell.size),
                _Measured(series.machine, cell.processes, is_disturbed(cell.disturbance)),
            )
    for _, pair in readings.comparisons:
        for both in pair.cells:
            for algorithm, processes in ((pair.a, both.a), (pair.b, both.b)):
                yield (
                    (algorithm.name, pair.input, both.size),
                    _Measured(pair.machine, processes, is_disturbed(both.disturbance)),
                )


def _partners(present: list[_Measured], earlier: list[_Measured]) -> tuple[_Measured, _Measured]:
    """What to compare, earlier one first: of the same machine where there is such a pair."""
    for b in present:
        for a in earlier:
            if a.machine.fingerprint == b.machine.fingerprint:
                return a, b
    return earlier[0], present[0]


def _summary(entries: list[dict[str, Any]], normalized: int, choices: Choices) -> str:
    parts = [f"{len(entries)} sizes compared with the baseline"]
    regressed = [entry for entry in entries if entry["regressed"]]
    if choices.max_regression is not None:
        named = ", ".join(
            f"{entry['algorithm']} ({entry['input']}) at {entry['size']:,}: "
            f"{entry['ratio']:.2f} times as long"
            for entry in regressed[:_MOST_NAMED]
        )
        more = f" and {len(regressed) - _MOST_NAMED} more" if len(regressed) > _MOST_NAMED else ""
        limit = f"{100 * choices.max_regression:g} %"
        parts.append(
            f"{len(regressed)} slower by more than {limit}" + (f": {named}{more}" if named else "")
        )
    if normalized:
        parts.append(
            f"{normalized} of them measured on another machine and normalised by the time of a "
            "fixed piece of work: a rough measure"
        )
    return "; ".join(parts)


def _other_machine(then: Machine, now: Machine) -> InvalidInput:
    return InvalidInput(
        f"the baseline was measured on {_called(then)}, these results on {_called(now)}: their "
        "times do not compare; measure both on one machine, or ask with normalize=true for a "
        "rough comparison"
    )


def _called(machine: Machine) -> str:
    names = [name for name in (machine.worker or machine.host, machine.cpu) if name]
    return f"{' · '.join(names) or 'a machine'} [{machine.fingerprint[:12]}]"


def _named(key: _Key) -> dict[str, Any]:
    return {"algorithm": key[0], "input": key[1], "size": key[2]}


def _share(text: str) -> float:
    found = _PERCENTAGE.fullmatch(text.strip())
    value = float(found["number"]) if found else -1.0
    if found and found["percent"]:
        value /= 100.0
    if not 0.0 <= value <= 10.0:
        raise _wrong("max_regression", 'must be a share such as "5%" or "0.05"')
    return value


def _wrong(option: str, problem: str) -> InvalidInput:
    message = f"option {option[:80]} {problem}"
    return InvalidInput(message, (FieldError(field=option[:80], message=problem),))
