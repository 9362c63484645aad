"""What is kept of a load test: one document, versioned, written as JSON."""

from typing import Any

import msgspec

from tensorfleet.kinds.loadtest.arrivals import Arrivals

VERSION = 1
"""Raised when a reader of older documents would read new ones wrongly."""


class _Record(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Any part. Histograms are texts: HdrHistogram's compressed format (V2) in base64, of
    nanoseconds; `histogram.Histogram.decode` reads them."""


class Reason(_Record, frozen=True, kw_only=True):
    """Why a run is invalid, or what to know about it."""

    code: str
    """Stable: "GENERATOR_LATE", "GENERATOR_BUSY", ..."""
    message: str


class Counts(_Record, frozen=True, kw_only=True):
    """What became of arrivals. scheduled = answered + failed + still open."""

    scheduled: int = 0
    """Meant to start."""
    sent: int = 0
    """Given to the network; less than scheduled while they wait for a connection."""
    late: int = 0
    """Sent more than a millisecond after the intended time through the generator's own fault."""
    held: int = 0
    """Had to wait for a free connection."""
    answered: int = 0
    """Good answers."""
    failed: int = 0
    errors: dict[str, int] = {}
    """Failed ones by stable code: "CONNECT_REFUSED", "TIMEOUT", "STATUS", "CHECK", ..."""
    statuses: dict[str, int] = {}
    """Answers by HTTP status or gRPC code."""
    sent_bytes: int = 0
    received_bytes: int = 0


class Second(_Record, frozen=True, kw_only=True):
    """An interval of a run, a second at first; of long runs several seconds. `scheduled` counts by
    intended time, all else by the time at which it happened."""

    start: int
    """Whole seconds from the point's start."""
    seconds: int = 1
    counts: Counts = Counts()
    response: str = ""
    """Times from the intended start to the answer, of answers in this interval, good or not; of
    those without an answer in time, how long they waited."""
    service: str = ""
    """Times from the send to the answer."""


class StepRecord(_Record, frozen=True, kw_only=True):
    """One step of a case."""

    name: str
    answered: int
    failed: int
    errors: dict[str, int] = {}
    service: str = ""


class Generator(_Record, frozen=True, kw_only=True):
    """One process that sent."""

    name: str
    """The machine, and the process's number on it."""
    cpu_share: float
    """Of one core, over the run."""
    lateness_p99_seconds: float
    sent: int
    waits_busily: bool = True
    """Whether it spins between arrivals, so that `cpu_share` says little."""


class Point(_Record, frozen=True, kw_only=True):
    """One run at one load."""

    label: str
    """For people: "500/s", "load 12"."""
    phase: str = "run"
    """"run"; of a search "search", and "final" for the optimum and its neighbours."""
    load: int | None = None
    """The load parameter."""
    rate: float | None = None
    """The rate that was asked for, where it is one number."""
    arrivals: Arrivals
    start_seconds: float
    """On the document's clock."""
    duration_seconds: float
    """From the first intended time to the last one's answer."""
    counts: Counts
    response: str
    service: str
    server: str = ""
    """The server's own processing spans, where it reports them (header `Server-Timing`)."""
    lateness: str = ""
    """How long after the intended time the generator got to each arrival."""
    steps: tuple[StepRecord, ...] = ()
    seconds: tuple[Second, ...] = ()
    generators: tuple[Generator, ...] = ()
    is_valid: bool = True
    reasons: tuple[Reason, ...] = ()
    """Why it is not valid."""
    notes: tuple[Reason, ...] = ()
    """What explains the figures: the first message of each error code, waits for connections."""
    interrupted: bool = False


class ProcessSample(_Record, frozen=True, kw_only=True):
    """Chosen processes of one name, together."""

    name: str
    count: int
    cpu_share: float
    """Of one core: 2.0 is two cores."""
    memory_bytes: int
    busiest_share: float = 0.0
    """Of one core: what the busiest of these processes took."""


class Sample(_Record, frozen=True, kw_only=True):
    """A machine over one interval. Shares are of the whole machine, 0 to 1; absent: not told."""

    at: float
    """Seconds on the document's clock: the end of the interval."""
    cpu_user: float | None = None
    cpu_system: float | None = None
    cpu_idle: float | None = None
    cpu_iowait: float | None = None
    cpu_steal: float | None = None
    cores: tuple[float, ...] = ()
    """How busy each core was."""
    memory_used_bytes: int | None = None
    memory_total_bytes: int | None = None
    swap_used_bytes: int | None = None
    disk_read_bytes_per_second: float | None = None
    disk_write_bytes_per_second: float | None = None
    disk_busy: float | None = None
    """Of the busiest disk."""
    network_received_bytes_per_second: float | None = None
    network_sent_bytes_per_second: float | None = None
    network_busy: float | None = None
    """Of the busiest interface whose speed is known: its busier direction, of that speed."""
    load_average: float | None = None
    """Over one minute."""
    ping_seconds: float | None = None
    processes: tuple[ProcessSample, ...] = ()


class Watched(_Record, frozen=True, kw_only=True):
    """A machine that was watched."""

    alias: str
    source: str
    """"local", "ssh", "prometheus" or "worker"."""
    host: str = ""
    interval_seconds: float = 1.0
    core_count: int = 0
    samples: tuple[Sample, ...] = ()
    problems: tuple[str, ...] = ()
    """What could not be told, and why."""


class Knee(_Record, frozen=True, kw_only=True):
    """Where response times begin to grow faster than the load."""

    value: float
    response_seconds: float


class Search(_Record, frozen=True, kw_only=True):
    """What a search found."""

    parameter: str
    """"load" or "rate"."""
    slo: str
    best: float | None
    """The highest value that kept the bound; None: not even the first did."""
    broken_at: float | None = None
    """The lowest value that did not."""
    limited_by: str = "target"
    """"target", "generator" (the true limit is higher) or "range" (nothing broke up to `most`)."""
    achieved_rate: float | None = None
    knee: Knee | None = None
    message: str = ""
    """The result in a sentence."""


class Breaking(_Record, frozen=True, kw_only=True):
    """A resource of a machine, and when it was used up."""

    alias: str
    resource: str
    """"cpu", "core", "memory", "disk", "network" or "load"."""
    at: float
    """On the document's clock: from here on it was used up."""
    value: float
    limit: float
    point: str = ""
    """The label of the point that ran."""
    message: str = ""


class Bottleneck(_Record, frozen=True, kw_only=True):
    """Which resource broke first."""

    first: Breaking | None
    """None: none did, as far as was watched."""
    all: tuple[Breaking, ...] = ()
    """In order of time."""
    message: str = ""
    warnings: tuple[str, ...] = ()
    """What makes the figures doubtful, such as CPU time that a hypervisor took."""


class ThresholdResult(_Record, frozen=True, kw_only=True):
    """A threshold and what was measured."""

    threshold: str
    point: str
    """The label of the point."""
    measured: float | None
    passed: bool


class Document(_Record, frozen=True, kw_only=True, omit_defaults=False):
    """A load test's results. Its clock starts at `started_at`.

    All its fields are written: readers need format and version, which are defaults.
    """

    format: str = "tensorfleet-loadtest"
    version: int = VERSION
    started_at: str
    """ISO 8601, UTC."""
    ended_at: str = ""
    tensorfleet: str = ""
    """The version that made it."""
    config: dict[str, Any] = {}
    """The spec as it was given: with references to secrets, never the secrets."""
    points: tuple[Point, ...] = ()
    search: Search | None = None
    watched: tuple[Watched, ...] = ()
    bottleneck: Bottleneck | None = None
    thresholds: tuple[ThresholdResult, ...] = ()
    interrupted: bool = False
    notes: tuple[Reason, ...] = ()
