"""Whether a call delivered what its job promised."""

from tensorfleet.kinds.call.spec import Spec
from tensorfleet.kinds.outcome import ProducedOutput, Shortfall


def judge(_spec: Spec, _outputs: tuple[ProducedOutput, ...]) -> Shortfall | None:
    """A call promises nothing but to return: its result is the task's."""
    return None
