"""What a machine did for a moment, as clients and tasks see it."""

from datetime import datetime

import msgspec


class MachineSample(msgspec.Struct, frozen=True, kw_only=True):
    """A worker's machine up to a whole second of its clock. Shares are of all its cores, 0 to 1.

    What the machine does not tell is None.
    """

    time: datetime
    """The end of the moment, by the worker's clock."""
    sequence: int = 0
    """Counts the samples of the worker's agent, from 1; what is missing was lost."""
    interval_seconds: float = 0.0
    """How long the moment was."""
    cpu_user: float | None = None
    cpu_system: float | None = None
    cpu_idle: float | None = None
    cpu_iowait: float | None = None
    cpu_steal: float | None = None
    """Time that the machine's host gave to others."""
    cores: tuple[float, ...] = ()
    """How busy each core was, 0 to 1."""
    memory_used_bytes: int | None = None
    memory_total_bytes: int | None = None
    swap_used_bytes: int | None = None
    disk_read_bytes_per_second: float | None = None
    disk_write_bytes_per_second: float | None = None
    disk_busy: float | None = None
    """Of the busiest disk, 0 to 1."""
    network_received_bytes_per_second: float | None = None
    """Without what the machine sends to itself."""
    network_sent_bytes_per_second: float | None = None
    load_average: float | None = None
    """Programs that run or want to, over one minute."""

    @property
    def cpu_busy(self) -> float | None:
        """The share of the cores' time in which they worked."""
        if self.cpu_idle is None:
            return None
        return max(0.0, 1.0 - self.cpu_idle - (self.cpu_iowait or 0.0))
