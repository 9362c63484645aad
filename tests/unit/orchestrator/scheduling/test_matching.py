"""Which tasks start now, and where."""

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tensorfleet.orchestrator.job import Priority
from tensorfleet.orchestrator.scheduling.matching import Placement, match
from tensorfleet.orchestrator.scheduling.offers import Offer
from tensorfleet.orchestrator.scheduling.order import line_key
from tensorfleet.orchestrator.scheduling.placement import Policy
from tensorfleet.orchestrator.scheduling.waiting import (
    Line,
    Quota,
    Shape,
    Shares,
    Tenant,
    Usage,
    cost,
)
from tests.unit.orchestrator.scheduling.examples import NOW, line, needs, offer

FIT = Policy.RESOURCE_FIT


def run(
    lines: list[Line], *offers: Offer, shares: Shares | None = None, limit: int = 500
) -> list[Placement]:
    return match(lines, offers, shares or Shares(), FIT, NOW, limit=limit)


def started(placements: list[Placement]) -> list[str]:
    return [placement.line.id for placement in placements]


def test_nothing_waits_or_nothing_offered_places_nothing() -> None:
    assert run([], offer()) == []
    assert run([line()]) == []
    assert run([replace(line(), entries=())], offer()) == []
    assert run([line()], offer(room=0)) == []


def test_entries_of_a_line_start_oldest_first_until_the_room_is_full() -> None:
    placed = run([line(count=20)], offer("a"), offer("b", needs(4, 32)))
    assert [p.entry.refs[0].task_id for p in placed] == [f"line-{n}-0" for n in range(12)]
    assert Counter(p.worker_ids[0] for p in placed) == {"a": 8, "b": 4}


def test_tenants_alternate_within_one_call() -> None:
    lines = [line("x", tenant="p/x", count=9), line("y", tenant="p/y", count=9)]
    assert Counter(started(run(lines, offer()))) == {"x": 4, "y": 4}


def test_fairness_counts_what_runs_already() -> None:
    shares = Shares(projects={"x": Usage(share=4)})
    lines = [line("x", tenant="x/a", count=9), line("y", tenant="y/a", count=9)]
    assert Counter(started(run(lines, offer(), shares=shares))) == {"x": 2, "y": 6}


def test_projects_share_equally_however_many_users_they_have() -> None:
    lines = [line(f"x{n}", tenant=f"x/{n}", count=9) for n in range(3)]
    lines.append(line("y", tenant="y/only", count=9))
    counts = Counter(name[0] for name in started(run(lines, offer())))
    assert counts == {"x": 4, "y": 4}


def test_dear_tasks_count_for_more_than_cheap_ones() -> None:
    lines = [
        line("big", tenant="x/a", shape=needs(3, 1), count=9),
        line("small", tenant="y/a", count=9),
    ]
    assert Counter(started(run(lines, offer(capacity=needs(12, 32))))) == {"big": 2, "small": 6}


def test_urgent_line_is_emptied_before_the_next() -> None:
    lines = [line("normal", count=9), line("high", priority=Priority.HIGH, count=5)]
    assert started(run(lines, offer())) == ["high"] * 5 + ["normal"] * 3


def test_line_that_aged_gets_its_turn_and_then_queues_again() -> None:
    lines = [
        line("high", priority=Priority.HIGH, count=9, served=0),
        line("low", priority=Priority.LOW, count=9, waited=3600),
    ]
    assert started(run(lines, offer())) == ["low"] + ["high"] * 7


def test_what_fits_nowhere_does_not_keep_others_waiting() -> None:
    lines = [line("big", shape=needs(9), count=3, waited=60), line("small", count=2)]
    assert started(run(lines, offer())) == ["small"] * 2


def test_limit_counts_tasks() -> None:
    lines = [line("gang", size=3, count=2, waited=9), line("single", tenant="z/z", count=9)]
    placed = run(lines, offer(), limit=4)
    assert sum(p.entry.size for p in placed) == 4


def test_gang_larger_than_the_limit_starts_alone() -> None:
    assert started(run([line("gang", size=6)], offer(), limit=4)) == ["gang"]


def test_gang_starts_whole_or_not_at_all() -> None:
    gang, single = line("gang", size=9, waited=60), line("single")
    assert started(run([gang, single], offer())) == ["single"]
    (placed,) = run([gang], offer("a"), offer("b"))
    assert placed.worker_ids == ("a",) * 8 + ("b",)


@pytest.mark.parametrize(
    ("quotas", "expected"),
    [
        (Shares(user_quota=Quota(cpus=3)), {"x": 3, "y": 3}),
        (Shares(project_quota=Quota(cpus=4)), {"x": 2, "y": 2}),
        (
            Shares(
                user_quota=Quota(cpus=3),
                tenants={Tenant(project="p", user="x"): Usage(cpus=2, share=2)},
            ),
            {"x": 1, "y": 3},
        ),
        (Shares(user_quota=Quota(gpus=0)), {"x": 4, "y": 4}),
    ],
)
def test_quota_is_held_within_one_call(quotas: Shares, expected: dict[str, int]) -> None:
    lines = [line("x", tenant="p/x", count=9), line("y", tenant="p/y", count=9)]
    assert Counter(started(run(lines, offer(), shares=quotas))) == expected


def test_quota_counts_a_gang_as_a_whole() -> None:
    quota = Shares(user_quota=Quota(gpus=3))
    gang = line("gang", shape=needs(1, 1, 1), size=4)
    machine = offer(capacity=needs(32, 128, 8))
    assert run([gang], machine, shares=quota) == []
    assert len(run([gang], machine, shares=Shares(user_quota=Quota(gpus=4)))) == 1


def plain_match(lines: list[Line], offers: list[Offer], shares: Shares) -> list[str]:
    """What `match` does, said as plainly as can be: sort all lines anew before each placement."""
    placed: list[str] = []
    stuck: set[str] = set()
    while True:
        waiting = [li for li in lines if li.entries and li.id not in stuck]
        if not waiting:
            return placed
        first = min(waiting, key=lambda li: line_key(li, shares, NOW))
        wanted = first.shape.resources
        fitting = [o for o in offers if o.fits(wanted)]
        if not fitting:
            stuck.add(first.id)
            continue
        taken = max(fitting, key=lambda o: o.free.cpus)
        offers = [o.taken(Shape(resources=wanted), NOW) if o is taken else o for o in offers]
        placed.append(first.id)
        lines = [
            replace(li, entries=li.entries[1:], last_served=NOW) if li is first else li
            for li in lines
        ]
        tenant, price = first.tenant, cost(wanted)
        project = shares.projects.get(tenant.project, Usage())
        user = shares.tenants.get(tenant, Usage())
        shares = replace(
            shares,
            projects={
                **shares.projects,
                tenant.project: replace(project, share=project.share + price),
            },
            tenants={**shares.tenants, tenant: replace(user, share=user.share + price)},
        )


some_lines = st.lists(
    st.tuples(
        st.sampled_from(Priority),
        st.sampled_from(["a/x", "a/y", "b/x", "c/z"]),
        st.sampled_from([1.0, 2.0]),
        st.integers(1, 6),
        st.floats(0, 4000),
        st.none() | st.floats(0, 4000),
    ),
    max_size=8,
)


@given(some_lines, st.integers(1, 24))
def test_order_is_that_of_sorting_all_lines_before_each_placement(
    drawn: list[tuple[Priority, str, float, int, float, float | None]], cores: int
) -> None:
    lines = [
        line(
            f"{number}",
            priority=priority,
            tenant=tenant,
            shape=needs(cpus, 0.1),
            count=count,
            waited=waited,
            served=served,
        )
        for number, (priority, tenant, cpus, count, waited, served) in enumerate(drawn)
    ]
    machine = offer(capacity=needs(cores, 64))
    assert started(run(lines, machine)) == plain_match(lines, [machine], Shares())
