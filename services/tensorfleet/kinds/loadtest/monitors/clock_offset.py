"""How far a remote clock is from ours."""

from collections import deque
from dataclasses import dataclass

# Quartz clocks differ by less: what was measured earlier says that much less about now.
DRIFT = 100e-6
MOST_ANSWERS = 64


@dataclass(frozen=True, slots=True)
class _Bounds:
    measured_at: float
    low: float
    high: float


class ClockOffset:
    """A remote clock's offset from ours, by asking it what time it is.

    The remote clock was read some time between the question and its answer, so each answer bounds
    the offset (Cristian, "Probabilistic clock synchronization", 1989); the bounds of several
    answers are intersected, newest first (Marzullo's idea, 1984, for a single clock). A coarse
    clock is no obstacle: answers at various times cut its steps at various places.
    """

    def __init__(self, resolution_seconds: float) -> None:
        self._resolution_seconds = resolution_seconds
        self._answers: deque[_Bounds] = deque(maxlen=MOST_ANSWERS)
        self._low = 0.0
        self._high = 0.0

    def add(self, *, asked_at: float, answered_at: float, remote: float) -> None:
        """An answer: times of ours around it, and what the remote clock showed (rounded down to
        its resolution), in seconds."""
        self._answers.append(
            _Bounds(answered_at, remote - answered_at, remote + self._resolution_seconds - asked_at)
        )
        self._low, self._high = self._answers[-1].low, self._answers[-1].high
        for bounds in reversed(self._answers):
            drift = DRIFT * (answered_at - bounds.measured_at)
            low = max(self._low, bounds.low - drift)
            high = min(self._high, bounds.high + drift)
            if low > high:  # the clock was set: what is older says nothing
                break
            self._low, self._high = low, high

    @property
    def known(self) -> bool:
        """Whether there was an answer."""
        return bool(self._answers)

    @property
    def seconds(self) -> float:
        """Remote clock less ours."""
        return (self._low + self._high) / 2

    @property
    def uncertainty_seconds(self) -> float:
        """The offset is this much off at most."""
        return (self._high - self._low) / 2

    def to_ours(self, remote: float) -> float:
        """The time on our clock when the remote one showed `remote`: the middle of its step."""
        return remote + self._resolution_seconds / 2 - self.seconds
