"""How healthy the parts and the whole are, judged from what they answered. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum

GATEWAY = "gateway"
WORKERS = "workers"

# Services, and what each tells of its own dependencies.
SERVICES: Mapping[str, tuple[str, ...]] = {
    "orchestrator": ("mongodb", "redis"),
    "storage": ("mongodb", "s3"),
    "inference": ("storage",),
}
STORES = ("mongodb", "redis", "s3")


class Status(IntEnum):
    """Whether a part works; a higher one is worse."""

    UNKNOWN = 0
    HEALTHY = 1
    DEGRADED = 2
    DOWN = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back when a service was asked for its health, or that of a dependency."""

    is_serving: bool | None
    """None when nothing came back."""
    problem: str
    """Why nothing came back; empty otherwise."""
    latency: timedelta
    time: datetime


# By service and the name it was asked for; "" is the service as a whole.
Answers = Mapping[tuple[str, str], Answer]


@dataclass(frozen=True, slots=True, kw_only=True)
class Component:
    """Health of one part."""

    name: str
    status: Status
    message: str
    """What is wrong; empty when nothing is."""
    latency: timedelta
    time: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerView:
    """What is shown of a worker."""

    id: str
    state: str
    """online, draining or offline."""
    hostname: str
    version: str
    slots: int
    running_task_count: int
    cpus: float
    memory_bytes: int
    gpus: int
    last_seen_time: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """One look at everything."""

    status: Status
    components: tuple[Component, ...]
    """By name."""
    workers: tuple[WorkerView, ...]
    """By id; those of the look before when the orchestrator does not answer."""
    time: datetime


def judge(
    answers: Answers, gateway: Answer, workers: Sequence[WorkerView] | None, time: datetime
) -> tuple[Component, ...]:
    """Every part, by name.

    Args:
        answers: Of every service of `SERVICES`, as a whole and for each of its dependencies.
        workers: None when the orchestrator did not tell.
    """
    components = [judge_service(service, answers) for service in SERVICES]
    components += [judge_store(store, answers) for store in STORES]
    components.append(_judge_gateway(gateway))
    components.append(judge_workers(workers, answers[("orchestrator", "")].latency, time))
    return tuple(sorted(components, key=lambda component: component.name))


def worst(components: Sequence[Component]) -> Status:
    """The worst of all parts, which is that of the whole."""
    return max((component.status for component in components), default=Status.UNKNOWN)


def judge_service(service: str, answers: Answers) -> Component:
    """Healthy when it says so, degraded when it says not, down when it does not answer."""
    answer = answers[(service, "")]
    status, message = Status.HEALTHY, ""
    if answer.is_serving is None:
        status, message = Status.DOWN, f"does not answer: {answer.problem}"
    elif not answer.is_serving:
        lacking = [
            name for name in SERVICES[service] if answers[(service, name)].is_serving is False
        ]
        reason = f"cannot use {' and '.join(lacking)}" if lacking else "says that it does not work"
        status, message = Status.DEGRADED, reason
    return Component(
        name=service, status=status, message=message, latency=answer.latency, time=answer.time
    )


def judge_store(store: str, answers: Answers) -> Component:
    """Health of a store, from the services that use it.

    Down when nobody who can tell can use it, degraded when only some can, or nobody can tell.
    """
    told = {
        service: answers[(service, store)]
        for service, dependencies in SERVICES.items()
        if store in dependencies
    }
    without = [service for service, answer in told.items() if answer.is_serving is False]
    with_it = [service for service, answer in told.items() if answer.is_serving]
    if without:
        status = Status.DEGRADED if with_it else Status.DOWN
        message = f"{' and '.join(without)} cannot use it"
    elif with_it:
        status, message = Status.HEALTHY, ""
    else:
        status = Status.DEGRADED
        message = f"not known, as {' and '.join(told)} {_do(told)} not tell"
    newest = max(told.values(), key=lambda answer: answer.time)
    return Component(
        name=store, status=status, message=message, latency=newest.latency, time=newest.time
    )


def _do(things: Mapping[str, Answer]) -> str:
    return "does" if len(things) == 1 else "do"


def _judge_gateway(answer: Answer) -> Component:
    is_up = bool(answer.is_serving)
    return Component(
        name=GATEWAY,
        status=Status.HEALTHY if is_up else Status.DOWN,
        message="" if is_up else f"does not answer: {answer.problem}",
        latency=answer.latency,
        time=answer.time,
    )


def judge_workers(
    workers: Sequence[WorkerView] | None, latency: timedelta, time: datetime
) -> Component:
    """Degraded when some are offline or none is there: jobs wait, but nothing is broken."""
    status, message = Status.HEALTHY, ""
    if workers is None:
        status, message = Status.DEGRADED, "not known, as the orchestrator does not tell"
    elif not workers:
        status, message = Status.DEGRADED, "none is attached; jobs wait until one is"
    else:
        offline = [worker.id for worker in workers if worker.state == "offline"]
        if len(offline) == len(workers):
            status, message = Status.DEGRADED, "all are offline; jobs wait until one is back"
        elif offline:
            shown = ", ".join(offline[:5]) + (", ..." if len(offline) > 5 else "")
            status, message = Status.DEGRADED, f"{len(offline)} of {len(workers)} offline: {shown}"
    return Component(name=WORKERS, status=status, message=message, latency=latency, time=time)
