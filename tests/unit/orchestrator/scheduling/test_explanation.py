"""Why something waits, in words."""

from datetime import timedelta

import pytest

from tensorfleet.orchestrator.resources import Resources
from tensorfleet.orchestrator.scheduling.explanation import (
    BlockerReason,
    estimated_start,
    explain,
    impossible,
)
from tensorfleet.orchestrator.scheduling.offers import Offer
from tensorfleet.orchestrator.scheduling.waiting import Quota, Shares, Tenant, Usage
from tensorfleet.shared.ids import JobId, WorkerId
from tests.unit.orchestrator.scheduling.examples import NOW, line, needs, offer

R = BlockerReason
GPUS = needs(32, 128, 8, "h200")
FLEET = {WorkerId("cpu-1"): needs(8, 32), WorkerId("gpu-1"): GPUS}


def why(
    shape: Resources, *offers: Offer, shares: Shares | None = None, size: int = 1, ahead: int = 0
) -> list[tuple[BlockerReason, str]]:
    waiting = line(shape=shape, size=size)
    blockers = explain(
        waiting, waiting.entries[0], offers, shares or Shares(), NOW, ahead_count=ahead
    )
    return [(blocker.reason, blocker.message) for blocker in blockers]


def test_nothing_in_the_way_is_no_blocker() -> None:
    assert why(needs(), offer()) == []


def test_lack_of_gpus_names_what_is_free_and_who_could() -> None:
    busy = offer("gpu-1", GPUS, needs(20, 90, 2, "h200"), running=1)
    assert why(needs(1, 1, 4, "h200"), busy, offer("cpu-1")) == [
        (
            R.RESOURCES,
            "needs 1 CPUs, 1 GiB of memory, 4 GPUs of kind h200 on one worker; the most that is "
            "free is 20 CPUs, 90 GiB of memory, 2 GPUs of kind h200 (gpu-1); 1 of 2 workers could "
            "run it when others have ended",
        )
    ]


@pytest.mark.parametrize(
    ("shape", "size", "words"),
    [
        (needs(8, 32), 1, None),
        (needs(1, 1, 9), 1, "the closest, gpu-1, has 32 CPUs, 128 GiB of memory, 8 GPUs of kind"),
        (needs(1, 1, 1, "a100"), 1, "1 GPUs of kind a100 on one worker; no worker of the fleet"),
        (needs(64, 1), 1, "the closest, gpu-1, has 32 CPUs, 128 GiB of memory; ask for less"),
        (needs(1, 1, zone="b"), 1, "labels zone=b on one worker"),
        (needs(1, 1, zone="b"), 1, "labels no zone;"),
        (needs(8, 8), 5, None),
        (needs(8, 8), 6, "the whole fleet has room for 5 when it is idle"),
        (needs(1, 1, alone=True), 3, "the whole fleet has room for 2 when it is idle"),
    ],
)
def test_impossible_wishes_are_told_with_what_the_fleet_has(
    shape: Resources, size: int, words: str | None
) -> None:
    message = impossible(shape, FLEET, size)
    if words is None:
        assert message is None
    else:
        assert message is not None
        assert words in message


def test_empty_fleet_says_nothing_of_what_is_impossible() -> None:
    assert impossible(needs(4096), {}) is None
    assert why(needs()) == [(R.RESOURCES, "no worker is online; start one")]


def test_full_slots_are_told_apart_from_missing_resources() -> None:
    ((reason, message),) = why(needs(), offer(room=0, running=4))
    assert reason is R.RESOURCES
    assert "as many tasks as they take" in message


def test_gang_says_how_many_of_it_have_room() -> None:
    offers = [offer("a", free=needs(4, 32)), offer("b", free=needs(2, 32))]
    ((reason, message),) = why(needs(2, 1), *offers, size=4)
    assert reason is R.GANG
    assert "4 tasks start together" in message
    assert "room for 3 of them" in message


def test_exclusive_task_waits_for_an_idle_worker() -> None:
    ((reason, message),) = why(needs(alone=True), offer(running=1))
    assert reason is R.RESOURCES
    assert "starts when one is idle" in message


@pytest.mark.parametrize(
    ("shares", "words"),
    [
        (
            Shares(project_quota=Quota(cpus=8), projects={"project": Usage(cpus=6)}),
            "project project holds 6 of the 8 CPUs that it may; this needs 4 more",
        ),
        (
            Shares(
                user_quota=Quota(gpus=2),
                tenants={Tenant(project="project", user="user"): Usage(gpus=1)},
            ),
            "user user holds 1 of the 2 GPUs that it may; this needs 2 more",
        ),
        (
            Shares(user_quota=Quota(cpus=2)),
            "needs 4 CPUs, more than the 2 that user user may ever hold",
        ),
    ],
)
def test_quota_names_whose_it_is_and_what_is_left(shares: Shares, words: str) -> None:
    ((reason, message),) = why(needs(4, 1, 2), offer("gpu-1", GPUS), shares=shares)
    assert reason is R.QUOTA
    assert words in message


def test_everything_in_the_way_is_told() -> None:
    waiting = line()
    blockers = explain(
        waiting,
        waiting.entries[0],
        [offer()],
        Shares(),
        NOW,
        ahead_count=1200,
        is_paused=True,
        ready_time=NOW + timedelta(seconds=90),
        dependencies=[JobId(f"job-{n}") for n in range(5)],
    )
    assert [(blocker.reason, blocker.message) for blocker in blockers] == [
        (R.PAUSED, "the job is paused; resume it to go on"),
        (R.DEPENDENCY, "starts when job-0, job-1, job-2 and 2 more succeeded"),
        (R.DELAYED, "may start from 2026-01-01 12:01:30 UTC, in 90 s"),
        (
            R.BEHIND_OTHERS,
            "1,200 tasks are served before it; a higher priority or more workers would help",
        ),
    ]


@pytest.mark.parametrize(
    ("ahead", "starts", "expected"),
    [
        (0, [30, 20, 10], 10),
        (9, [30, 20, 10], 100),
        (9, [300, 290, 280], 1000),  # it has stopped since
        (0, [10, 5], None),
        (5, [], None),
    ],
)
def test_estimate_follows_the_recent_pace(
    ahead: int, starts: list[float], expected: float | None
) -> None:
    recent = [NOW - timedelta(seconds=seconds) for seconds in starts]
    found = estimated_start(ahead, recent, NOW)
    assert found == (None if expected is None else NOW + timedelta(seconds=expected))


def test_estimate_is_never_before_the_delay_ends() -> None:
    later = NOW + timedelta(hours=1)
    recent = [NOW - timedelta(seconds=seconds) for seconds in (3, 2, 1)]
    assert estimated_start(0, recent, NOW, later) == later
