"""What is kept of a profile job, and shown as a table."""

from tensorfleet.kinds.outcome import ProducedOutput, Shortfall
from tensorfleet.kinds.profile.spec import Spec


def judge(_spec: Spec, _outputs: tuple[ProducedOutput, ...]) -> Shortfall | None:
    """A profile task promises nothing but to return: its result says what could not be measured."""
    return None
