from typing import Any

import pytest

from tensorfleet.kinds.loadtest.monitors.bottleneck import find_bottleneck
from tests.unit.kinds.loadtest.monitors.samples import (
    GIBIBYTE,
    busy_cpu,
    machine,
    point,
    process,
)

POINTS = (point("200/s", 0.0, 10.0), point("400/s", 12.0, 10.0))
IDLE: dict[str, Any] = {}


def test_cpu_that_was_used_up_is_told_with_its_time_and_point() -> None:
    watched = machine([*[IDLE] * 13, *[busy_cpu(0.96)] * 5])
    bottleneck = find_bottleneck(POINTS, [watched])
    assert bottleneck.first is not None
    assert (bottleneck.first.alias, bottleneck.first.resource) == ("db", "cpu")
    assert bottleneck.first.at == pytest.approx(13.0)
    assert bottleneck.first.value == pytest.approx(0.96)
    assert bottleneck.first.point == "400/s"
    assert bottleneck.message == "cpu of `db` at 96% from 13.0 s on, at 400/s"


@pytest.mark.parametrize(
    ("change", "resource"),
    [
        (busy_cpu(0.9), "cpu"),
        ({"cores": (0.99, 0.2)}, "core"),
        ({"processes": (process("nginx", busiest=0.98),)}, "core"),
        ({"processes": (process("gunicorn", busiest=0.99, count=4),)}, "core"),
        ({"memory_used_bytes": int(3.9 * GIBIBYTE)}, "memory"),
        ({"disk_busy": 0.95}, "disk"),
        ({"network_busy": 0.92}, "network"),
        ({"load_average": 4.1}, "load"),
    ],
)
def test_each_resource_has_its_limit(change: dict[str, Any], resource: str) -> None:
    bottleneck = find_bottleneck(POINTS, [machine([change] * 4)])
    assert [breaking.resource for breaking in bottleneck.all] == [resource]


@pytest.mark.parametrize(
    "change",
    [
        busy_cpu(0.89),
        {"cores": (0.96, 0.2)},
        {"processes": (process("nginx", busiest=0.95),)},
        # It has more than one core, and took it.
        {"processes": (process("java", busiest=1.7),)},
        {"memory_used_bytes": int(3.7 * GIBIBYTE)},
        {"disk_busy": 0.85},
        {"network_busy": None},
        {"load_average": 3.9},
        {"cpu_idle": None, "cores": ()},
    ],
)
def test_below_its_limit_nothing_is_used_up(change: dict[str, Any]) -> None:
    assert find_bottleneck(POINTS, [machine([change] * 8)]).all == ()


def test_growing_swap_is_memory_used_up() -> None:
    growing = [{"swap_used_bytes": number * 50_000_000} for number in range(5)]
    bottleneck = find_bottleneck(POINTS, [machine(growing)])
    assert bottleneck.message == (
        "memory of `db` swapped out, 50 MB an interval, from 1.0 s on, at 200/s"
    )


def test_two_intervals_are_a_peak_and_not_the_end() -> None:
    changes = [busy_cpu(1.0), busy_cpu(1.0), IDLE] * 3
    assert find_bottleneck(POINTS, [machine(changes)]).first is None


def test_what_was_used_up_while_nothing_ran_does_not_count() -> None:
    pause = (point("1/s", 0.0, 2.0), point("2/s", 30.0, 5.0))
    watched = machine([*[IDLE] * 3, *[busy_cpu(1.0)] * 10])
    assert find_bottleneck(pause, [watched]).first is None


def test_what_began_before_a_point_counts_from_its_start() -> None:
    watched = machine([busy_cpu(1.0)] * 10)
    bottleneck = find_bottleneck([point("9/s", 4.2, 5.0)], [watched])
    assert bottleneck.first is not None
    assert bottleneck.first.at == pytest.approx(4.2)


def test_a_point_of_three_intervals_is_long_enough() -> None:
    watched = machine([*[IDLE] * 4, *[busy_cpu(0.95)] * 3, *[IDLE] * 3])
    assert find_bottleneck([point("9/s", 4.1, 3.0)], [watched]).first is not None


def test_samples_with_a_gap_are_not_in_a_row() -> None:
    before, after = machine([busy_cpu(1.0)] * 2), machine([busy_cpu(1.0)] * 2, first=8.0)
    watched = machine([])
    joined = type(watched)(
        alias="db", source="ssh", core_count=2, samples=before.samples + after.samples
    )
    assert find_bottleneck(POINTS, [joined]).first is None


def test_earliest_is_the_first() -> None:
    disk = machine([*[IDLE] * 1, *[{"disk_busy": 1.0}] * 8], alias="disk")
    cpu = machine([*[IDLE] * 12, *[busy_cpu(1.0)] * 8], alias="cpu")
    bottleneck = find_bottleneck(POINTS, [cpu, disk])
    assert [breaking.alias for breaking in bottleneck.all] == ["disk", "cpu", "cpu"]
    assert bottleneck.first == bottleneck.all[0]


def test_of_those_that_began_together_the_cause_is_the_first() -> None:
    full = {"memory_used_bytes": 4 * GIBIBYTE}
    watched = machine(
        [IDLE, {"disk_busy": 1.0}, *[{"disk_busy": 1.0, **full, **busy_cpu(0.99)}] * 6]
    )
    bottleneck = find_bottleneck(POINTS, [watched])
    assert [breaking.resource for breaking in bottleneck.all] == ["disk", "memory", "cpu", "core"]
    assert bottleneck.first is not None
    assert bottleneck.first.resource == "memory"


def test_busy_core_beside_a_generator_says_nothing() -> None:
    spinning = {"cores": (1.0, 0.1)}
    assert find_bottleneck(POINTS, [machine([spinning] * 8, source="local")]).first is None


def test_own_machine_is_told_as_such() -> None:
    bottleneck = find_bottleneck(POINTS, [machine([busy_cpu(1.0)] * 8, source="local")])
    assert "the generator's own use included" in bottleneck.message


def test_broken_objective_with_room_everywhere_is_told() -> None:
    bottleneck = find_bottleneck(POINTS, [machine([busy_cpu(0.43)] * 8)], "p99<200ms at 400/s")
    assert bottleneck.first is None
    assert bottleneck.message.startswith(
        "p99<200ms at 400/s was broken, yet nothing that was watched was used up (at most cpu 43%,"
        " memory 25%, disk 5%, network 2%). Look for what requests wait for"
    )


def test_nothing_broken_is_told() -> None:
    message = find_bottleneck(POINTS, [machine([IDLE] * 8)]).message
    assert message.startswith("Nothing that was watched was used up (at most cpu 15%")


def test_unwatched_load_is_told() -> None:
    assert find_bottleneck(POINTS, []).message.startswith("No machine was watched")
    late = machine([IDLE] * 4, first=100.0)
    assert find_bottleneck(POINTS, [late], "p99<1s").message.startswith("p99<1s was broken. No")


def test_stolen_time_is_a_warning() -> None:
    bottleneck = find_bottleneck(POINTS, [machine([{"cpu_steal": 0.12}] * 8)])
    assert bottleneck.first is None
    (warning,) = bottleneck.warnings
    assert "12% of the cpu time of `db`" in warning
    assert find_bottleneck(POINTS, [machine([{"cpu_steal": 0.01}] * 8)]).warnings == ()
