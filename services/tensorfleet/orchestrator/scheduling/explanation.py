"""Why something waits, in words that say what would help."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from tensorfleet.orchestrator.resources import Resources
from tensorfleet.orchestrator.scheduling.offers import Offer, could_ever_fit
from tensorfleet.orchestrator.scheduling.rooms import open_room
from tensorfleet.orchestrator.scheduling.waiting import (
    CPU_TOLERANCE,
    NOTHING_USED,
    Line,
    Quota,
    Shares,
    Usage,
    WaitingEntry,
    cost,
)
from tensorfleet.shared.ids import JobId, WorkerId

MIN_STARTS_TO_ESTIMATE = 3


class BlockerReason(Enum):
    """What stands in the way, as clients see it."""

    RESOURCES = "RESOURCES"
    QUOTA = "QUOTA"
    DEPENDENCY = "DEPENDENCY"
    GANG = "GANG"
    PAUSED = "PAUSED"
    DELAYED = "DELAYED"
    BEHIND_OTHERS = "BEHIND_OTHERS"


@dataclass(frozen=True, slots=True, kw_only=True)
class Blocker:
    """One thing that stands in the way, and what would help."""

    reason: BlockerReason
    message: str


def explain(
    line: Line,
    entry: WaitingEntry,
    offers: Sequence[Offer],
    shares: Shares,
    now: datetime,
    *,
    ahead_count: int = 0,
    is_paused: bool = False,
    ready_time: datetime | None = None,
    dependencies: Sequence[JobId] = (),
) -> list[Blocker]:
    """Everything that stands in an entry's way; empty when it starts as soon as a worker takes it.

    Args:
        offers: Of every worker that is online, after reservations.
        ahead_count: Tasks that will be claimed before it.
        ready_time: From when it may run: its own delay, or the end of a backoff.
        dependencies: Jobs that it waits for and that have not succeeded yet.
    """
    blockers = []
    if is_paused:
        blockers.append(
            Blocker(reason=BlockerReason.PAUSED, message="the job is paused; resume it to go on")
        )
    if dependencies:
        blockers.append(Blocker(reason=BlockerReason.DEPENDENCY, message=_waits_for(dependencies)))
    if ready_time is not None and ready_time > now:
        seconds = (ready_time - now).total_seconds()
        blockers.append(
            Blocker(
                reason=BlockerReason.DELAYED,
                message=f"may start from {ready_time:%Y-%m-%d %H:%M:%S} UTC, in {seconds:.0f} s",
            )
        )
    needs, size = line.shape.resources, entry.size
    if message := _over_quota(line, size, shares):
        blockers.append(Blocker(reason=BlockerReason.QUOTA, message=message))
    if blocker := _lacks_room(needs, size, offers):
        blockers.append(blocker)
    if ahead_count > 0:
        tasks = "1 task is" if ahead_count == 1 else f"{ahead_count:,} tasks are"
        blockers.append(
            Blocker(
                reason=BlockerReason.BEHIND_OTHERS,
                message=f"{tasks} served before it; a higher priority or more workers would help",
            )
        )
    return blockers


def impossible(
    needs: Resources, capacities: Mapping[WorkerId, Resources], size: int = 1
) -> str | None:
    """Why no worker of the fleet could ever run this, with what the fleet has; None: it can."""
    if not capacities:
        return None
    possible = [machine for machine in capacities.values() if could_ever_fit(needs, machine)]
    if possible:
        room = sum(_count_when_idle(needs, machine) for machine in possible)
        if room >= size:
            return None
        return (
            f"needs room for {size:,} tasks with {describe(needs)} at the same time; the whole "
            f"fleet has room for {room:,} when it is idle; ask for fewer or add workers"
        )
    worker_id, machine = min(
        capacities.items(), key=lambda item: (*_distance(needs, item[1]), item[0])
    )
    return (
        f"needs {describe(needs)} on one worker; no worker of the fleet has that: the closest, "
        f"{worker_id}, has {describe(machine, like=needs)}; ask for less or add such a worker"
    )


def estimated_start(
    ahead_count: int,
    recent_starts: Sequence[datetime],
    now: datetime,
    not_before: datetime | None = None,
) -> datetime | None:
    """When something may start, if the fleet goes on at its pace; None when there is no telling.

    Args:
        ahead_count: Tasks that are claimed before it.
        recent_starts: When the latest tasks of its kind of shape started.
    """
    starts = [start for start in recent_starts if start <= now]
    if len(starts) < MIN_STARTS_TO_ESTIMATE:
        return None
    # Counted to now and not to the last start, so that a fleet that stopped is seen to be slow.
    pace = (now - min(starts)) / len(starts)
    start = now + pace * (ahead_count + 1)
    return start if not_before is None or start > not_before else not_before


def describe(amount: Resources, like: Resources | None = None) -> str:
    """Resources in words; with `like`, GPUs and labels only where those name them."""
    parts = [f"{amount.cpus:g} CPUs", f"{amount.memory_bytes / 2**30:.3g} GiB of memory"]
    asked = amount if like is None else like
    if asked.gpus:
        kind = f" of kind {amount.gpu_kind}" if amount.gpu_kind and amount.gpus else ""
        parts.append(f"{amount.gpus} GPUs{kind}")
    if asked.labels:
        labels = {name: amount.labels.get(name) for name in sorted(asked.labels)}
        shown = [f"{name}={value}" if value else f"no {name}" for name, value in labels.items()]
        parts.append(f"labels {', '.join(shown)}")
    return ", ".join(parts)


def _waits_for(dependencies: Sequence[JobId]) -> str:
    shown = ", ".join(dependencies[:3])
    more = f" and {len(dependencies) - 3} more" if len(dependencies) > 3 else ""
    return f"starts when {shown}{more} succeeded"


def _over_quota(line: Line, size: int, shares: Shares) -> str | None:
    tenant, needs = line.tenant, line.shape.resources
    holders: tuple[tuple[str, Usage, Quota], ...] = (
        (
            f"project {tenant.project}",
            shares.projects.get(tenant.project, NOTHING_USED),
            shares.project_quota,
        ),
        (f"user {tenant.user}", shares.tenants.get(tenant, NOTHING_USED), shares.user_quota),
    )
    for name, usage, quota in holders:
        if quota.allows(usage.cpus, usage.gpus, needs, size):
            continue
        if quota.cpus is not None and usage.cpus + needs.cpus * size > quota.cpus + CPU_TOLERANCE:
            wanted, held, most = needs.cpus * size, usage.cpus, quota.cpus
            what = "CPUs"
        else:
            wanted, held, most = needs.gpus * size, usage.gpus, quota.gpus or 0
            what = "GPUs"
        if wanted > most:
            return (
                f"needs {wanted:g} {what}, more than the {most:g} that {name} may ever hold; "
                "ask for less, or an admin for a higher quota"
            )
        return (
            f"{name} holds {held:g} of the {most:g} {what} that it may; this needs {wanted:g} "
            "more: it starts when some of its tasks have ended"
        )
    return None


def _lacks_room(needs: Resources, size: int, offers: Sequence[Offer]) -> Blocker | None:
    reason = BlockerReason.GANG if size > 1 else BlockerReason.RESOURCES
    if not offers:
        return Blocker(reason=BlockerReason.RESOURCES, message="no worker is online; start one")
    capacities = {offer.worker_id: offer.capacity for offer in offers}
    if message := impossible(needs, capacities, size):
        return Blocker(reason=reason, message=message)
    counts = {offer.worker_id: open_room(offer).fitting_count(needs) for offer in offers}
    if sum(counts.values()) >= size:
        return None
    if size > 1:
        return Blocker(
            reason=reason,
            message=f"{size:,} tasks start together, each with {describe(needs)}; now there is "
            f"room for {sum(counts.values()):,} of them; room is kept as others end",
        )
    fitting = [offer for offer in offers if could_ever_fit(needs, offer.capacity)]
    if needs.is_exclusive:
        return Blocker(
            reason=reason,
            message=f"needs a worker of its own with {describe(needs)}; all {len(fitting)} such "
            "workers are busy; it starts when one is idle",
        )
    closest = min(fitting, key=lambda offer: (*_distance(needs, offer.free), offer.worker_id))
    if closest.credits < 1 and could_ever_fit(needs, closest.free):
        return Blocker(
            reason=reason,
            message=f"all {len(fitting)} workers that could run it have as many tasks as they "
            "take; it starts when one of these has ended",
        )
    return Blocker(
        reason=reason,
        message=f"needs {describe(needs)} on one worker; the most that is free is "
        f"{describe(closest.free, like=needs)} ({closest.worker_id}); {len(fitting)} of "
        f"{len(offers)} workers could run it when others have ended",
    )


def _count_when_idle(needs: Resources, machine: Resources) -> int:
    if needs.is_exclusive:
        return 1
    count = int((machine.cpus + CPU_TOLERANCE) / needs.cpus)
    count = min(count, machine.memory_bytes // max(needs.memory_bytes, 1))
    return min(count, machine.gpus // needs.gpus) if needs.gpus else count


def _distance(needs: Resources, machine: Resources) -> tuple[int, float]:
    """How far a machine is from these needs: labels and kinds first, then the amounts missing."""
    wrong = sum(machine.labels.get(name) != value for name, value in needs.labels.items())
    wrong += bool(needs.gpu_kind and machine.gpu_kind != needs.gpu_kind)
    missing = Resources(
        cpus=max(needs.cpus - machine.cpus, 0.0),
        memory_bytes=max(needs.memory_bytes - machine.memory_bytes, 0),
        gpus=max(needs.gpus - machine.gpus, 0),
    )
    return wrong, cost(missing)
