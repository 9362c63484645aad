"""A case whose work grows exponentially: the server computes a Fibonacci number recursively."""

from tensorfleet.kinds.loadtest.cases.case import StepsCase
from tensorfleet.kinds.loadtest.spec import Checks, Step


class Fibonacci(StepsCase):
    """GET /fibonacci/LOAD: the LOAD-th Fibonacci number, by recursion; each load is 1.6 times the
    work of the one before."""

    def steps(self) -> tuple[Step, ...]:
        """One request."""
        return (Step(name="fibonacci", path="/fibonacci/${load}", checks=Checks(status=(200,))),)
