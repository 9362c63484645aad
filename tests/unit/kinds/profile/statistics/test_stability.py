"""What casts doubt on times is named, and steady times are left alone."""

import numpy as np
import pytest

from tensorfleet.kinds.profile.measurement import Disturbance, Machine, Problem, Usage
from tensorfleet.kinds.profile.statistics.stability import machine_warnings, warnings


def codes(problems: tuple[Problem, ...]) -> set[str]:
    return {problem.code for problem in problems}


def steady(seed: int, count: int = 12) -> list[list[float]]:
    source = np.random.default_rng(seed)
    levels = source.normal(0, 0.015, (count, 1)) + source.normal(0, 0.01, (count, 3))
    times: list[list[float]] = (0.02 * np.exp(levels)).tolist()
    return times


def test_steady_times_have_hardly_any_warnings() -> None:
    usage = Usage(calls=36, wall_seconds=0.7, cpu_seconds=0.7, involuntary_switches=15)
    disturbance = Disturbance(other_cpu_share=0.1, steal_share=0.01)
    warned = sum(
        bool(warnings(steady(seed), loops=1, usage=usage, disturbance=disturbance))
        for seed in range(200)
    )
    assert warned <= 6


@pytest.mark.parametrize(
    ("processes", "code"),
    [
        ([[1.0, 1.3, 0.8, 1.25]] * 8, "UNSTABLE"),
        ([[1.0], [1.2], [0.9], [1.1], [0.8], [1.3], [1.0]], "WIDE_INTERVAL"),
        ([[1.0, 1.01, 1.0]] * 7 + [[1.0, 1.0, 4.0]], "OUTLIERS"),
        ([[1.0 + 0.01 * index] * 3 for index in range(12)], "DRIFT"),
        ([[1.0 + 0.2 * (index % 2) + 0.001 * (index % 5)] * 3 for index in range(12)], "TWO_MODES"),
        ([[1.0, 1.0]] * 2, "FEW_PROCESSES"),
    ],
)
def test_each_kind_of_unsteadiness_has_its_warning(processes: list[list[float]], code: str) -> None:
    assert code in codes(warnings(processes))


def test_direction_of_a_drift_is_told() -> None:
    falling = [[2.0 - 0.02 * index] for index in range(12)]
    (problem,) = [found for found in warnings(falling) if found.code == "DRIFT"]
    assert "faster" in problem.message


def test_values_too_short_for_the_clock_are_told() -> None:
    assert "SHORT_VALUES" in codes(warnings([[1e-7] * 3] * 8, loops=100))
    assert warnings([[1e-7] * 3] * 8, loops=100_000) == ()


@pytest.mark.parametrize(
    ("disturbance", "code"),
    [
        (Disturbance(other_cpu_share=0.4), "DISTURBED"),
        (Disturbance(steal_share=0.1), "STEAL"),
    ],
)
def test_other_load_is_told_also_without_times(disturbance: Disturbance, code: str) -> None:
    assert codes(warnings((), disturbance=disturbance)) == {code}


def test_many_involuntary_switches_are_told() -> None:
    usage = Usage(calls=1, wall_seconds=1.0, cpu_seconds=1.0, involuntary_switches=400)
    assert codes(warnings((), usage=usage)) == {"INTERRUPTED"}


def test_machine_is_judged_by_governor_and_load() -> None:
    busy = Machine(fingerprint="x", governor="powersave", cores=2, load=1.9)
    assert codes(machine_warnings(busy)) == {"CPU_GOVERNOR", "LOADED_AT_START"}
    calm = Machine(fingerprint="x", governor="performance", cores=2, load=0.1)
    assert machine_warnings(calm) == ()
