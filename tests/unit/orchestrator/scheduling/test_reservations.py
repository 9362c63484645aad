"""Room that is kept for gangs, exclusive tasks and those that were passed over."""

import pytest

from tensorfleet.orchestrator.job import Priority
from tensorfleet.orchestrator.resources import Resources
from tensorfleet.orchestrator.scheduling.offers import Offer, RunningHere
from tensorfleet.orchestrator.scheduling.order import AGEING_STEP
from tensorfleet.orchestrator.scheduling.placement import Policy
from tensorfleet.orchestrator.scheduling.reservations import (
    Reservation,
    after_reservations,
    is_ready,
    next_reservation,
    plan_gang,
    plan_waiting,
)
from tensorfleet.orchestrator.scheduling.waiting import Quota, Shares
from tensorfleet.shared.ids import WorkerId
from tests.unit.orchestrator.scheduling.examples import NOW, line, needs, offer, running

FIT = Policy.RESOURCE_FIT
STEP = AGEING_STEP.total_seconds()
FULL = needs(0, 0)
GPUS = needs(32, 128, 8, "h200")


def reservation(sequence: int, amount: Resources, *workers: str) -> Reservation:
    return Reservation(
        entry_id=f"entry-{sequence}",
        sequence=sequence,
        needs=amount,
        workers=tuple(WorkerId(worker) for worker in workers),
        create_time=NOW,
    )


def gang(size: int, *offers: Offer, amount: Resources | None = None) -> list[str] | None:
    planned = plan_gang(amount or needs(2, 1), size, offers, FIT)
    return None if planned is None else list(planned)


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        (1, ["small"]),  # the smallest hole that is large enough
        (2, ["middle"] * 2),
        (4, ["large"] * 4),
        (5, ["large"] * 4 + ["small"]),
        (7, ["large"] * 4 + ["middle"] * 2 + ["small"]),
        (8, None),
    ],
)
def test_gang_takes_as_few_workers_as_can_be(size: int, expected: list[str] | None) -> None:
    workers = [
        offer("small", free=needs(2, 32)),
        offer("middle", free=needs(4, 32)),
        offer("large"),
    ]
    assert gang(size, *workers) == expected
    assert gang(size, *reversed(workers)) == expected


def test_gang_without_gpus_leaves_gpu_machines_alone_while_it_can() -> None:
    workers = [offer("gpu", GPUS), offer("a"), offer("b")]
    assert gang(8, *workers) == ["a"] * 4 + ["b"] * 4
    assert gang(9, *workers) == ["a"] * 4 + ["b"] * 4 + ["gpu"]


def test_gang_of_exclusive_tasks_takes_one_idle_worker_for_each() -> None:
    workers = [offer("a"), offer("b", running=1), offer("c")]
    alone = needs(alone=True)
    assert gang(2, *workers, amount=alone) == ["a", "c"]
    assert gang(3, *workers, amount=alone) is None


def test_waiting_goes_where_the_least_has_to_end() -> None:
    """`near` has to wait for one task of 4 cores, `far` for 6 cores in two tasks."""
    near = (offer("near", free=needs(2, 30), running=2), [running("n", needs(4))])
    far = (
        offer("far", free=needs(0, 30), running=2),
        [running("f", needs(3)), running("g", needs(3))],
    )
    assert plan_waiting(needs(6), 1, [far, near]) == ("near",)


def test_waiting_goes_where_the_end_is_known_and_early() -> None:
    for_ever = (offer("a", free=FULL, running=1), [running("x", needs(8), started=9999)])
    hour = (offer("b", free=FULL, running=1), [running("y", needs(8), ends_in=3600)])
    minute = (offer("c", free=FULL, running=1), [running("z", needs(8), ends_in=60)])
    assert plan_waiting(needs(8), 1, [for_ever, hour, minute]) == ("c",)
    assert plan_waiting(needs(8), 2, [for_ever, hour, minute]) == ("b", "c")


def test_waiting_counts_what_is_free_already_and_what_others_reserved() -> None:
    idle: tuple[Offer, list[RunningHere]] = (offer("idle"), [])
    busy = (offer("busy", free=FULL, running=1), [running("x", needs(8, 32))])
    assert plan_waiting(needs(4), 3, [idle, busy]) == ("busy", "idle", "idle")
    earlier = reservation(1, needs(5), "idle")
    assert plan_waiting(needs(4), 2, [idle, busy], [earlier]) == ("busy", "busy")
    assert plan_waiting(needs(4), 3, [idle, busy], [earlier]) is None


def test_nothing_waits_on_a_worker_that_is_reserved_for_one_alone() -> None:
    worker = (offer("a", free=needs(4, 30), running=1), [running("x", needs(4))])
    assert plan_waiting(needs(1), 1, [worker], [reservation(1, needs(alone=True), "a")]) is None


def test_exclusive_task_waits_for_the_worker_with_the_least_work() -> None:
    two = (offer("a", free=needs(6, 30), running=2), [running("x"), running("y")])
    one = (offer("b", free=needs(6, 30), running=1), [running("z", needs(1.5))])
    assert plan_waiting(needs(alone=True), 1, [two, one]) == ("b",)


def test_waiting_for_a_worker_whose_exclusive_task_ends_gives_all_of_it() -> None:
    worker = (offer("a", free=FULL, room=0, running=1), [running("x", needs(1, alone=True))])
    assert plan_waiting(needs(8), 1, [worker]) == ("a",)


def test_too_small_fleet_is_not_waited_for() -> None:
    assert plan_waiting(needs(9), 1, [(offer(), [])]) is None
    assert plan_waiting(needs(5), 3, [(offer("a"), []), (offer("b"), [])]) is None


def test_reserved_room_is_not_offered() -> None:
    kept = [
        reservation(1, needs(2, 8), "worker", "worker", "other"),
        reservation(2, needs(1), "other"),
    ]
    left = after_reservations(offer(room=3), kept)
    assert (left.free.cpus, left.free.memory_bytes) == (4, 16 * 2**30)
    assert (left.credits, left.running_count) == (1, 2)
    assert left.fits(needs(4))
    assert not left.fits(needs(4.5))
    assert not left.fits(needs(alone=True)), "it would stand in front of what is reserved"


def test_what_remains_is_never_negative() -> None:
    left = after_reservations(
        offer(free=needs(3, 2, 0), room=1), [reservation(1, needs(2, 8), *["worker"] * 3)]
    )
    assert (left.free.cpus, left.free.memory_bytes, left.free.gpus, left.credits) == (0, 0, 0, 0)


def test_waiting_for_gpus_leaves_the_cores_that_it_does_not_need() -> None:
    busy = offer("gpu", GPUS, needs(16, 64, 0, "h200"))
    assert after_reservations(busy, [reservation(1, needs(4, 8, 8), "gpu")]).fits(needs(12))


def test_worker_reserved_for_one_alone_offers_nothing() -> None:
    left = after_reservations(offer(running=1), [reservation(1, needs(1, alone=True), "worker")])
    assert not left.fits(needs(0.1, 0.1))


@pytest.mark.parametrize(
    ("free", "earlier", "ready"),
    [
        (needs(4, 8), [], True),
        (needs(3, 8), [], False),
        (needs(4, 8), [reservation(1, needs(1), "worker")], False),
        (needs(5, 9), [reservation(1, needs(1), "worker")], True),
        (needs(4, 8), [reservation(1, needs(4), "other")], True),
    ],
)
def test_reservation_is_ready_when_its_room_is_free_after_earlier_ones(
    free: Resources, earlier: list[Reservation], ready: bool
) -> None:
    mine = reservation(2, needs(2, 4), "worker", "worker")
    assert is_ready(mine, WorkerId("worker"), offer(free=free), earlier) is ready


def test_first_line_reserves_when_it_is_a_gang() -> None:
    lines = [line("gang", size=2, shape=needs(8), waited=9), line("single")]
    busy = [(offer(name, free=FULL, running=1), [running(name, needs(8, 32))]) for name in "ab"]
    found = next_reservation(lines, busy, Shares(), NOW)
    assert found is not None
    assert (found[0].id, found[1]) == ("gang", ("a", "b"))


def test_gang_holds_no_room_back_from_what_is_more_urgent() -> None:
    lines = [line("gang", size=2, waited=9), line("high", priority=Priority.HIGH)]
    assert next_reservation(lines, [(offer(), [])], Shares(), NOW) is None


def test_single_task_reserves_once_it_was_passed_over_for_a_step() -> None:
    worker = (offer(free=needs(4, 32), running=1), [running("x", needs(4))])
    fresh, aged = line("l", shape=needs(8)), line("l", shape=needs(8), waited=STEP)
    assert next_reservation([fresh], [worker], Shares(), NOW) is None
    assert next_reservation([aged], [worker], Shares(), NOW) is not None


def test_what_could_never_run_or_has_no_quota_reserves_nothing_and_blocks_nobody() -> None:
    lines = [
        line("impossible", size=2, shape=needs(9), waited=99),
        line("over quota", size=6, waited=50),
        line("gang", size=3, waited=9),
    ]
    shares = Shares(user_quota=Quota(cpus=5))
    found = next_reservation(lines, [(offer(), [])], shares, NOW)
    assert found is not None
    assert found[0].id == "gang"
