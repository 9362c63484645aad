"""On which worker a task runs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tensorfleet.orchestrator.resources import Resources
from tensorfleet.orchestrator.scheduling.offers import Offer
from tensorfleet.orchestrator.scheduling.placement import Policy, choose
from tensorfleet.orchestrator.scheduling.rooms import open_room
from tensorfleet.orchestrator.scheduling.waiting import Shape
from tests.unit.orchestrator.scheduling.examples import NOW, needs, offer

ROUND, LEAST, FIT, AFFINITY = Policy
GPU_MACHINE = needs(32, 128, 8, "h200")
THIN = needs(16, 32)
FAT = needs(16, 256)


def chosen(want: Resources, *offers: Offer, policy: Policy = FIT, code: str = "") -> str | None:
    found = choose(Shape(resources=want, code_artifact_id=code), offers, policy)
    return found.worker_id if found else None


@pytest.mark.parametrize(
    ("want", "has", "fits"),
    [
        (needs(8, 32), offer(), True),
        (needs(8.1, 1), offer(), False),
        (needs(1, 32.5), offer(), False),
        (needs(1, 1, 1), offer(), False),
        (needs(1, 1, 8), offer(capacity=GPU_MACHINE), True),
        (needs(1, 1, 1, "h200"), offer(capacity=GPU_MACHINE), True),
        (needs(1, 1, 1, "a100"), offer(capacity=GPU_MACHINE), False),
        (needs(disk="ssd"), offer(capacity=needs(8, 32, disk="ssd", zone="b")), True),
        (needs(disk="ssd"), offer(capacity=needs(8, 32, disk="hdd")), False),
        (needs(disk="ssd"), offer(), False),
        (needs(), offer(room=0), False),
        (needs(alone=True), offer(), True),
        (needs(alone=True), offer(running=1), False),
        (needs(4), offer(free=needs(3, 32)), False),
    ],
)
def test_task_goes_only_where_everything_that_it_needs_is_free(
    want: Resources, has: Offer, fits: bool
) -> None:
    assert has.fits(want) is fits
    assert all(
        chosen(want, has, policy=policy) == ("worker" if fits else None) for policy in Policy
    )


def test_ten_tenths_of_a_core_fit_one_core() -> None:
    tenth = Shape(resources=needs(0.1, 0.01))
    left = offer(capacity=needs(1, 32))
    for _ in range(10):
        assert left.fits(tenth.resources)
        left = left.taken(tenth, NOW)
    assert not left.fits(tenth.resources)


def test_round_robin_takes_the_one_that_waited_longest_for_a_task() -> None:
    offers = [offer("b", assigned=5), offer("a", assigned=1), offer("c", assigned=9)]
    assert chosen(needs(), *offers, policy=ROUND) == "c"
    assert chosen(needs(), *offers, offer("new"), policy=ROUND) == "new"


def test_least_loaded_counts_what_is_scarcest_on_each_worker() -> None:
    cpus_taken = offer("a", free=needs(4, 32))
    memory_taken = offer("b", free=needs(8, 8))
    assert chosen(needs(), cpus_taken, memory_taken, policy=LEAST) == "a"


@pytest.mark.parametrize(
    ("want", "expected"),
    [
        (needs(1, 2), "thin"),  # without GPUs not on the machine that has some
        (needs(1, 16), "fat"),  # much memory where there is much for each core
        (needs(1, 2, 1), "gpu"),
        (needs(2, 100), "fat"),
    ],
)
def test_resource_fit_wastes_nothing_scarce(want: Resources, expected: str) -> None:
    machines = [offer("fat", FAT), offer("gpu", GPU_MACHINE), offer("thin", THIN)]
    assert chosen(want, *machines) == expected


def test_resource_fit_leaves_the_fewest_gpus_over() -> None:
    half = offer("half", GPU_MACHINE, needs(16, 64, 4, "h200"), running=1)
    assert chosen(needs(4, 8, 4), offer("whole", GPU_MACHINE), half) == "half"
    assert chosen(needs(4, 8, 5), offer("whole", GPU_MACHINE), half) == "whole"


def test_resource_fit_uses_the_idle_one_of_equal_machines() -> None:
    assert chosen(needs(), offer("a", free=needs(6, 28)), offer("b")) == "b"


def test_task_without_gpus_runs_on_a_gpu_machine_when_nothing_else_has_room() -> None:
    assert chosen(needs(), offer("thin", THIN, room=0), offer("gpu", GPU_MACHINE)) == "gpu"


def test_affinity_prefers_the_cache_and_then_fits() -> None:
    warm = offer("warm", GPU_MACHINE, cached=frozenset({"code"}))
    assert chosen(needs(), offer("cold"), warm, policy=AFFINITY, code="code") == "warm"
    assert chosen(needs(), offer("cold"), warm, policy=AFFINITY, code="other") == "cold"


@pytest.mark.parametrize("policy", Policy)
def test_ties_go_to_the_lowest_id_whatever_the_order(policy: Policy) -> None:
    offers = [offer("b"), offer("a"), offer("c")]
    assert chosen(needs(), *offers, policy=policy) == "a"
    assert chosen(needs(), *reversed(offers), policy=policy) == "a"


amounts = st.builds(
    needs,
    cpus=st.sampled_from([0.1, 0.5, 1, 2, 7.5, 8]),
    gib=st.sampled_from([0.5, 1, 8, 32]),
    gpus=st.integers(0, 3),
    kind=st.sampled_from(["", "h200"]),
    alone=st.booleans(),
)


@given(st.lists(amounts, max_size=12), amounts, st.integers(0, 12))
def test_working_copies_decide_as_offers_do(
    before: list[Resources], then: Resources, most: int
) -> None:
    left = offer(capacity=needs(16, 64, 4, "h200"), room=most)
    room = open_room(left)
    for amount in before:
        assert room.fits(amount) is left.fits(amount)
        if room.fits(amount):
            room.take(amount, NOW)
            left = left.taken(Shape(resources=amount), NOW)
    count = room.fitting_count(then)
    for _ in range(count):
        assert room.fits(then)
        room.take(then, NOW)
    assert not room.fits(then)
