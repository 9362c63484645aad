"""What a profile task measured: its result, which is kept as JSON."""

from typing import Literal

import msgspec

from tensorfleet.kinds.profile.algorithms.algorithm import Algorithm

VERSION = 1

Processes = tuple[tuple[float, ...], ...]
"""Seconds of wall time a call: one tuple of values for each fresh process."""


class Problem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Why something was not measured, or what casts doubt on it."""

    code: str
    """Stable, in capitals: TIMEOUT, OUT_OF_MEMORY, NO_OUTPUT, NOT_DETERMINISTIC, WRONG_OUTPUT,
    INPUT_CHANGED, RAISED, PROCESS_DIED, LEFT_PROCESSES, PRINTS, TOO_LONG, DISTURBED, ..."""
    message: str
    """For a person: what was seen, and what to do."""


class Measuring(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """How times are taken."""

    processes: int = 12
    """Fresh processes; each measures every size."""
    values: int = 30
    """Times that each process takes of each size; fewer, but three, where a call takes long."""
    warmups: int = 1
    """Values before those, not kept."""
    value_seconds: float = 0.001
    """The least that one value lasts: short calls are repeated in a loop. Many short values find
    moments in which nothing disturbs; a long one is a mean of all."""
    gc: Literal["enabled", "disabled"] = "enabled"
    """Whether Python's cycle collector may run within a value; it always runs before one."""
    call_seconds: float = 60.0
    """One call may last this long."""
    series_seconds: float = 900.0
    """A task that has measured this long takes fewer processes instead of going on."""


class Memory(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Of one call, in a process of its own."""

    before_bytes: int
    """Resident memory (RSS) of the process with its input, just before the call."""
    peak_bytes: int
    """The highest resident memory of the process and its children during the call."""
    allocated_bytes: int = 0
    """The highest that Python's allocators (`tracemalloc`) had given out above the start; 0 where a
    call takes too long to be traced."""
    children_peak_bytes: int = 0
    """Of `peak_bytes`, what children had."""

    @property
    def grown_bytes(self) -> int:
        """What the call needed beyond its input."""
        return max(0, self.peak_bytes - self.before_bytes)


class Usage(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the timed calls of one size used, all processes together, children included."""

    calls: int
    wall_seconds: float
    cpu_seconds: float
    voluntary_switches: int = 0
    involuntary_switches: int = 0
    minor_faults: int = 0
    major_faults: int = 0

    @property
    def cpu_percent(self) -> float:
        """CPU time over wall time; more than 100 when several cores work."""
        return 100.0 * self.cpu_seconds / self.wall_seconds if self.wall_seconds else 0.0


class Disturbance(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What else the machine did while a size was timed."""

    other_cpu_share: float = 0.0
    """CPU time of everything but the measured process, in cores."""
    steal_share: float = 0.0
    """Time that the hypervisor gave to others, in cores."""


class Cell(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One size of a series."""

    size: int
    loops: int = 0
    """Calls in one value."""
    processes: Processes = ()
    usage: Usage | None = None
    memory: Memory | None = None
    disturbance: Disturbance | None = None
    error: Problem | None = None
    """Why there are no times, or not all."""
    notes: tuple[Problem, ...] = ()


class Machine(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where it was measured. Two results compare as they are only when `fingerprint` is equal."""

    fingerprint: str
    """A digest of what follows as far as it does not change from run to run."""
    worker: str = ""
    host: str = ""
    cpu: str = ""
    cores: int = 0
    memory_bytes: int = 0
    governor: str = ""
    """The CPU's frequency governor; empty where the machine does not tell."""
    system: str = ""
    python: str = ""
    libraries: dict[str, str] = {}
    """Versions of numpy, scipy and scikit-learn, where they are installed."""
    load: float = 0.0
    """The load average of one minute at the start."""
    yardstick_seconds: float = 0.0
    """How long a fixed piece of work took here: what results are normalised by."""


class Series(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type", tag="series"
):
    """One algorithm over sizes, on one kind of input."""

    version: int = VERSION
    algorithm: Algorithm
    code: str = ""
    """The artifact id of the code that was measured; empty: installed on the worker."""
    input: str
    seed: int
    measuring: Measuring
    machine: Machine
    cells: tuple[Cell, ...]
    notes: tuple[Problem, ...] = ()
    started_at: str
    """RFC 3339, UTC."""
    ended_at: str
    is_extended: bool = False
    """Whether the task added sizes of its own because the first could not tell the class."""


class PairCell(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One size of a comparison. The n-th processes of all sides ran interleaved."""

    size: int
    loops_a: int = 0
    loops_b: int = 0
    a: Processes = ()
    b: Processes = ()
    again: Processes = ()
    """The first algorithm a second time: what differs between it and `a` is noise."""
    usage_a: Usage | None = None
    usage_b: Usage | None = None
    memory_a: Memory | None = None
    memory_b: Memory | None = None
    disturbance: Disturbance | None = None
    error: Problem | None = None
    notes: tuple[Problem, ...] = ()


class Comparison(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    omit_defaults=True,
    tag_field="type",
    tag="comparison",
):
    """Two algorithms on the same inputs, interleaved on one worker."""

    version: int = VERSION
    a: Algorithm
    b: Algorithm
    code_a: str = ""
    code_b: str = ""
    input: str
    seed: int
    measuring: Measuring
    machine: Machine
    cells: tuple[PairCell, ...]
    notes: tuple[Problem, ...] = ()
    started_at: str
    ended_at: str


Result = Series | Comparison
