"""The room of a worker follows what it holds, whatever comes and goes in which order."""

from hypothesis import given
from hypothesis import strategies as st

from tensorfleet.orchestrator.resources import Resources
from tensorfleet.orchestrator.scheduling.offers import RunningHere
from tensorfleet.orchestrator.session import WorkerSession
from tensorfleet.orchestrator.task import AttemptRef
from tensorfleet.orchestrator.worker import Worker
from tensorfleet.shared.ids import TaskId, WorkerId
from tests.unit.orchestrator.job_examples import NOW

GIB = 2**30


def new_session() -> WorkerSession:
    return WorkerSession(
        Worker(
            id=WorkerId("w1"),
            instance_id="i",
            version="1",
            hostname="h",
            capacity=Resources(cpus=4, memory_bytes=8 * GIB, gpus=2, labels={"a": "b"}),
            slots=4,
            is_leaving=False,
            create_time=NOW,
            register_time=NOW,
        )
    )


def running(name: str, cpus: float = 1.0, *, alone: bool = False) -> RunningHere:
    return RunningHere(
        ref=AttemptRef(task_id=TaskId(name), number=1),
        resources=Resources(cpus=cpus, memory_bytes=GIB, gpus=1, is_exclusive=alone),
        start_time=NOW,
        rank=1,
        is_preemptible=False,
    )


def test_first_task_takes_its_room_like_any_other() -> None:
    session = new_session()
    session.hold(running("a", 2))
    assert session.offer().free == Resources(
        cpus=2, memory_bytes=7 * GIB, gpus=1, labels={"a": "b"}
    )
    session.hold(running("b", 1.5))
    assert session.offer().free.cpus == 0.5
    session.let_go(running("a", 2).ref)
    assert session.offer().free.cpus == 2.5


def test_task_is_held_once_and_let_go_once() -> None:
    session = new_session()
    session.hold(running("a"))
    session.hold(running("a"))
    assert session.offer().free.cpus == 3
    assert session.let_go(running("a").ref) == running("a")
    assert session.let_go(running("a").ref) is None
    assert session.offer().free.cpus == 4


def test_exclusive_task_takes_everything_while_it_runs() -> None:
    session = new_session()
    session.hold(running("a", alone=True))
    free = session.offer().free
    assert (free.cpus, free.memory_bytes, free.gpus) == (0, 0, 0)
    session.let_go(running("a").ref)
    assert session.offer().free.cpus == 4


@given(st.lists(st.tuples(st.booleans(), st.sampled_from("abcde")), max_size=40))
def test_room_is_what_the_held_tasks_leave(steps: list[tuple[bool, str]]) -> None:
    session = new_session()
    needs = {name: 0.1 + 0.3 * number for number, name in enumerate("abcde")}
    for is_held, name in steps:
        if is_held:
            session.hold(running(name, needs[name]))
        else:
            session.let_go(running(name).ref)
        held = [ref.task_id for ref in session.held]
        left = 4 - sum(needs[each] for each in held)
        assert abs(session.offer().free.cpus - left) < 1e-9
        assert session.offer().free.gpus == 2 - len(held)
        assert session.offer().running_count == len(held)
