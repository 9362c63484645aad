"""What a profile task's process does: conduct measuring processes, and return what they found."""

import sys
from typing import Any

import msgspec

from tensorfleet.kinds.outcome import EntrypointMissing
from tensorfleet.kinds.profile.algorithms.algorithm import Algorithm
from tensorfleet.kinds.profile.measurement import Result
from tensorfleet.kinds.profile.measuring.conductor import Conductor, Subject
from tensorfleet.kinds.profile.measuring.lane_process import LaneFailed, Stopped
from tensorfleet.kinds.profile.measuring.machine import describe_machine, idlest_cpu
from tensorfleet.kinds.profile.measuring.pair import measure_pair
from tensorfleet.kinds.profile.measuring.series import measure_series
from tensorfleet.kinds.profile.plan import Order
from tensorfleet.kinds.task_place import TaskPlace
from tensorfleet.kinds.task_plan import TaskPlan

STOPPED_STATUS = 1


def run(plan: TaskPlan, place: TaskPlace) -> Any:
    """Measures what the plan orders; returns a `Series` or a `Comparison`.

    Raises:
        EntrypointMissing: The function, its generator or a module that it needs is not there.
    """
    order = msgspec.convert(plan.payload, Order)
    run = place.open_run()
    machine = describe_machine(place.worker)

    def tell(done: int, total: int) -> None:
        run.progress(done, total, "measurements")

    is_alone_on_a_core = order.b is not None and place.cpus <= 1
    conductor = Conductor(
        measuring=order.measuring,
        cpu=idlest_cpu() if is_alone_on_a_core else None,
        memory_bytes=place.memory_bytes,
        should_stop=lambda: run.should_stop,
    )
    sizes = sorted(order.sizes)
    a = _subject(order.a, order, place)
    result: Result
    try:
        if order.b is None:
            result = measure_series(
                conductor,
                a,
                sizes,
                machine,
                code=_code_of(order.a, place),
                check_outputs=order.check_outputs,
                auto_extend=order.auto_extend,
                tell=tell,
            )
        else:
            result = measure_pair(
                conductor,
                a,
                _subject(order.b, order, place),
                sizes,
                machine,
                codes=(_code_of(order.a, place), _code_of(order.b, place)),
                check_outputs=order.check_outputs,
                tell=tell,
            )
    except LaneFailed as exc:
        raise EntrypointMissing(f"{exc.problem.code}: {exc.problem.message}") from exc
    except Stopped:
        sys.exit(STOPPED_STATUS)
    return msgspec.to_builtins(result)


def _subject(algorithm: Algorithm, order: Order, place: TaskPlace) -> Subject:
    folder = place.codes[algorithm.code] if algorithm.code else place.code
    return Subject(algorithm=algorithm, code_folder=folder, input=order.input, seed=order.seed)


def _code_of(algorithm: Algorithm, place: TaskPlace) -> str:
    return algorithm.code or place.code_artifact_id
