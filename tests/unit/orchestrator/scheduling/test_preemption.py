"""Which running tasks make room for something more urgent."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tensorfleet.orchestrator.resources import Resources
from tensorfleet.orchestrator.scheduling.offers import Offer, RunningHere
from tensorfleet.orchestrator.scheduling.preemption import victims
from tensorfleet.orchestrator.scheduling.rooms import open_room
from tests.unit.orchestrator.scheduling.examples import needs, offer, running

HIGH, NORMAL, LOW = range(3)
Worker = tuple[Offer, list[RunningHere]]


def worker(*tasks: RunningHere, name: str = "worker", free: float = 0.0) -> Worker:
    return offer(name, free=needs(free, 32), room=0, running=len(tasks)), list(tasks)


def who(
    wanted: Resources, *workers: Worker, size: int = 1, rank: int = HIGH
) -> tuple[set[str], tuple[str, ...]] | None:
    found = victims(wanted, size, rank, workers)
    return None if found is None else ({ref.task_id for ref in found[0]}, found[1])


def test_free_room_costs_nobody_anything() -> None:
    assert victims(needs(2), 1, HIGH, [(offer(free=needs(2, 32)), [running("x")])]) == (
        (),
        ("worker",),
    )


@pytest.mark.parametrize(
    ("task", "rank"),
    [
        (running("x", needs(8), preemptible=False), HIGH),
        (running("x", needs(8), rank=NORMAL), NORMAL),
        (running("x", needs(8), rank=HIGH), NORMAL),
    ],
)
def test_only_preemptible_tasks_of_lower_priority_end(task: RunningHere, rank: int) -> None:
    assert who(needs(8), worker(task), rank=rank) is None


def test_nobody_is_disturbed_when_it_would_not_be_enough() -> None:
    fixed = running("fixed", needs(4), preemptible=False)
    assert who(needs(6), worker(running("x", needs(4)), fixed)) is None


def test_one_large_task_ends_rather_than_four_small_ones() -> None:
    small = [running(f"s{n}", started=n) for n in range(4)]
    assert who(needs(4), worker(*small, running("large", needs(4), started=999))) == (
        {"large"},
        ("worker",),
    )


def test_smallest_sufficient_task_ends() -> None:
    tasks = [running("a", needs(5), started=1), running("b", needs(3))]
    assert who(needs(2), worker(*tasks)) == ({"b"}, ("worker",))


def test_least_urgent_and_then_newest_of_equals_ends() -> None:
    tasks = [running("old", started=90), running("new", started=9), running("mid", started=50)]
    assert who(needs(1), worker(*tasks)) == ({"new"}, ("worker",))
    assert who(needs(1), worker(*tasks, running("normal", rank=NORMAL, started=1))) == (
        {"new"},
        ("worker",),
    )


def test_worker_where_the_fewest_end_is_taken() -> None:
    two = worker(running("a", needs(4)), running("b", needs(4)), name="a")
    one = worker(running("c", needs(8)), name="b")
    assert who(needs(8), two, one) == ({"c"}, ("b",))


def test_gang_uses_free_room_first_and_ends_tasks_for_the_rest() -> None:
    free: Worker = (offer("a", free=needs(4, 32)), [])
    busy = worker(running("x", needs(4)), running("y", needs(4), started=1), name="b")
    assert who(needs(4), free, busy, size=2) == ({"y"}, ("a", "b"))
    assert who(needs(4), free, busy, size=3) == ({"x", "y"}, ("a", "b", "b"))
    assert who(needs(4), free, busy, size=4) is None


def test_exclusive_task_needs_everyone_gone() -> None:
    alone = needs(1, 1, alone=True)
    assert who(alone, worker(running("x"), running("y"))) == ({"x", "y"}, ("worker",))
    assert who(alone, worker(running("x"), running("y", preemptible=False))) is None


@given(
    st.lists(
        st.tuples(st.sampled_from([1.0, 2.0, 3.0, 5.0]), st.booleans(), st.integers(0, 2)),
        max_size=6,
    ),
    st.integers(1, 12),
    st.integers(1, 3),
)
def test_victims_make_room_and_none_of_them_is_needless(
    drawn: list[tuple[float, bool, int]], cores: int, size: int
) -> None:
    tasks = [
        running(f"t{n}", needs(cpus, 0.1), preemptible=may_end, rank=rank)
        for n, (cpus, may_end, rank) in enumerate(drawn)
    ]
    used = sum(task.resources.cpus for task in tasks)
    machine = offer(capacity=needs(used + 2, 64), free=needs(2, 64), running=len(tasks))
    wanted = needs(cores, 0.1)

    def has_room(gone: list[RunningHere]) -> bool:
        room = open_room(machine)
        for task in gone:
            room.release(task.resources)
        return room.fitting_count(wanted) >= size

    allowed = [task for task in tasks if task.is_preemptible and task.rank > NORMAL]
    found = victims(wanted, size, NORMAL, [(machine, tasks)])
    assert (found is not None) is has_room(allowed)
    if found is not None:
        gone = [task for task in tasks if task.ref in found[0]]
        assert len(found[0]) == len(gone)
        assert all(task in allowed for task in gone)
        assert has_room(gone)
        if size == 1:
            assert not any(has_room([g for g in gone if g is not task]) for task in gone)
