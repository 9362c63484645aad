"""Whether a command task delivered what its job promised."""

from tensorfleet.kinds.command.spec import Spec
from tensorfleet.kinds.outcome import ProducedOutput, Shortfall


def judge(_spec: Spec, _outputs: tuple[ProducedOutput, ...]) -> Shortfall | None:
    """A command promises nothing but its exit status."""
    return None
