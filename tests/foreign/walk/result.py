"""Whether a walk delivered what its job promised."""

from tensorfleet.kinds.outcome import ProducedOutput, Shortfall
from tests.foreign.walk.spec import Spec


def judge(_spec: Spec, _outputs: tuple[ProducedOutput, ...]) -> Shortfall | None:
    """A walk promises nothing."""
    return None
