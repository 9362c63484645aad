"""A case whose work grows fourfold a load: the server sorts the worst case by bubble sort."""

from tensorfleet.kinds.loadtest.cases.case import StepsCase
from tensorfleet.kinds.loadtest.spec import Checks, Step


class BubbleSort(StepsCase):
    """GET /bubble-sort/LOAD: bubble sort of 2^LOAD elements in reversed order; each load is four
    times the work of the one before."""

    def steps(self) -> tuple[Step, ...]:
        """One request."""
        return (
            Step(name="bubble-sort", path="/bubble-sort/${load}", checks=Checks(status=(200,))),
        )
