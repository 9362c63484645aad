"""Which driver a spec needs."""

from collections.abc import Callable
from pathlib import Path

from tensorfleet.kinds.loadtest.cases.case import LoadCase
from tensorfleet.kinds.loadtest.cases.loader import load_case
from tensorfleet.kinds.loadtest.engine.case_driver import CaseDriver
from tensorfleet.kinds.loadtest.engine.driver import Driver
from tensorfleet.kinds.loadtest.engine.http_driver import HttpDriver
from tensorfleet.kinds.loadtest.origin import parse_target
from tensorfleet.kinds.loadtest.spec import Spec, Step
from tensorfleet.shared.errors import TensorFleetError


async def open_driver(
    spec: Spec, folder: Path, clock: Callable[[], int], generators: int
) -> Driver:
    """A driver that has reached its target; it has its share of connections.

    Raises:
        InvalidInput: The spec, or a file that it names, is wrong.
        Unavailable: The target cannot be reached.
    """
    driver = _driver(spec, folder, clock, generators)
    try:
        await driver.open()
    except TensorFleetError:
        await driver.close()
        raise
    return driver


def _driver(spec: Spec, folder: Path, clock: Callable[[], int], generators: int) -> Driver:
    origin, _ = parse_target(spec.target)
    steps = spec.steps or (Step(),)
    if spec.case:
        case = load_case(spec.case, folder)
        if isinstance(case, type) and issubclass(case, LoadCase):
            return CaseDriver(spec, case, folder, clock, share=generators)
        steps = case().steps()
    if origin.is_grpc:
        from tensorfleet.kinds.loadtest.engine.grpc_driver import GrpcDriver  # most do without

        return GrpcDriver(spec, steps, folder, clock, share=generators)
    return HttpDriver(spec, steps, folder, clock, share=generators)
