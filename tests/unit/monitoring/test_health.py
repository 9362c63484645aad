"""Health rules."""

from datetime import UTC, datetime, timedelta

import pytest

from tensorfleet.monitoring.health import (
    SERVICES,
    Answer,
    Status,
    WorkerView,
    judge,
    judge_service,
    judge_store,
    judge_workers,
    worst,
)

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LATENCY = timedelta(milliseconds=3)


def answer(is_serving: bool | None) -> Answer:
    return Answer(
        is_serving=is_serving,
        problem="refused" if is_serving is None else "",
        latency=LATENCY,
        time=NOW,
    )


def all_well(**changes: bool | None) -> dict[tuple[str, str], Answer]:
    """Answers of a healthy fleet, but for `service` or `service_dependency` given otherwise."""
    names = [(service, "") for service in SERVICES]
    names += [(service, name) for service, inner in SERVICES.items() for name in inner]
    known = {"_".join(filter(None, name)): name for name in names}
    answers = {name: answer(True) for name in names}
    for key, value in changes.items():
        answers[known[key]] = answer(value)
    return answers


def worker(name: str, state: str = "online") -> WorkerView:
    return WorkerView(
        id=name,
        state=state,
        hostname="h",
        version="1",
        slots=1,
        running_task_count=0,
        cpus=1,
        memory_bytes=1,
        gpus=0,
        last_seen_time=None,
    )


def test_healthy_fleet_lists_every_part_by_name() -> None:
    components = judge(all_well(), answer(True), [worker("w")], NOW)
    assert [component.name for component in components] == [
        "gateway",
        "inference",
        "mongodb",
        "orchestrator",
        "redis",
        "s3",
        "storage",
        "workers",
    ]
    assert worst(components) is Status.HEALTHY
    assert all(component.message == "" for component in components)
    assert all(component.latency == LATENCY for component in components)


def test_whole_is_as_bad_as_its_worst_part() -> None:
    degraded = judge(all_well(storage=False), answer(True), [worker("w")], NOW)
    assert worst(degraded) is Status.DEGRADED
    down = judge(all_well(storage=False), answer(None), [worker("w")], NOW)
    assert worst(down) is Status.DOWN
    assert worst([]) is Status.UNKNOWN


def test_service_that_does_not_answer_is_down() -> None:
    component = judge_service("storage", all_well(storage=None))
    assert (component.status, component.message) == (Status.DOWN, "does not answer: refused")


def test_unhealthy_service_says_what_it_lacks() -> None:
    answers = all_well(storage=False, storage_mongodb=False, storage_s3=False)
    component = judge_service("storage", answers)
    assert component.status is Status.DEGRADED
    assert component.message == "cannot use mongodb and s3"
    alone = judge_service("storage", all_well(storage=False))
    assert alone.message == "says that it does not work"


@pytest.mark.parametrize(
    ("orchestrator", "storage", "status", "message"),
    [
        (True, True, Status.HEALTHY, ""),
        (True, None, Status.HEALTHY, ""),
        (False, True, Status.DEGRADED, "orchestrator cannot use it"),
        (False, False, Status.DOWN, "orchestrator and storage cannot use it"),
        (False, None, Status.DOWN, "orchestrator cannot use it"),
        (None, None, Status.DEGRADED, "not known, as orchestrator and storage do not tell"),
    ],
)
def test_store_is_judged_by_those_who_use_it(
    orchestrator: bool | None, storage: bool | None, status: Status, message: str
) -> None:
    answers = all_well(orchestrator_mongodb=orchestrator, storage_mongodb=storage)
    component = judge_store("mongodb", answers)
    assert (component.status, component.message) == (status, message)


@pytest.mark.parametrize(
    ("states", "status", "message"),
    [
        (["online"], Status.HEALTHY, ""),
        (["online", "draining"], Status.HEALTHY, ""),
        (["online", "offline"], Status.DEGRADED, "1 of 2 offline: w1"),
        (["offline"], Status.DEGRADED, "all are offline; jobs wait until one is back"),
        ([], Status.DEGRADED, "none is attached; jobs wait until one is"),
        (None, Status.DEGRADED, "not known, as the orchestrator does not tell"),
    ],
)
def test_workers_never_take_the_whole_down(
    states: list[str] | None, status: Status, message: str
) -> None:
    workers = None if states is None else [worker(f"w{n}", s) for n, s in enumerate(states)]
    component = judge_workers(workers, LATENCY, NOW)
    assert (component.status, component.message) == (status, message)


def test_long_list_of_offline_workers_is_cut() -> None:
    workers = [worker("on"), *(worker(f"w{n}", "offline") for n in range(100))]
    message = judge_workers(workers, LATENCY, NOW).message
    assert message == "100 of 101 offline: w0, w1, w2, w3, w4, ..."
