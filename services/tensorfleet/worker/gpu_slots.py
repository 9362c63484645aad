"""Which of the machine's GPUs are free."""

from collections.abc import Sequence


class GpuSlots:
    """Hands out GPU numbers. The orchestrator never assigns more than there are."""

    def __init__(self, count: int) -> None:
        self._free = list(range(count))

    def take(self, count: int) -> Sequence[int]:
        """The lowest free numbers."""
        taken, self._free = self._free[:count], self._free[count:]
        return taken

    def give_back(self, numbers: Sequence[int]) -> None:
        """They are free again."""
        self._free = sorted([*self._free, *numbers])
