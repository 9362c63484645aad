"""What is kept of a load test, and shown as a table."""

from tensorfleet.kinds.loadtest.spec import Spec
from tensorfleet.kinds.outcome import ProducedOutput, Shortfall


def judge(_spec: Spec, _outputs: tuple[ProducedOutput, ...]) -> Shortfall | None:
    """A load test promises no outputs: its result is the document."""
    return None
