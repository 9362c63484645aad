"""What a user may ask of a load test: a job's `spec`, and the configuration file on one machine."""

from itertools import islice
from pathlib import PurePosixPath
from typing import Any

import msgspec

from tensorfleet.kinds import spec_rules
from tensorfleet.kinds.default_resources import MEBIBYTE, DefaultResources
from tensorfleet.kinds.loadtest.arrivals import Arrivals, Replay
from tensorfleet.shared.errors import FieldError, InvalidJob

# A wrong list has as many problems as entries; these are enough to see what is wrong.
_SHOWN_PROBLEMS = 20

# What else runs on the machine would be in the figures.
DEFAULT_RESOURCES = DefaultResources(cpus=1.0, memory_bytes=512 * MEBIBYTE, exclusive=True)


class _Part(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """Any part of a spec.

    Texts may have `${...}`: `${env:NAME}` and `${file:PATH}` are secrets by reference, never
    written into a report; `${load}` is the load parameter, `${feed.COLUMN}` a value of the data
    feed's row of this arrival, `${counter}` the arrival's number, `${uuid}` a new one, and
    `${NAME}` what an earlier step extracted.
    """


class Checks(_Part, frozen=True, kw_only=True):
    """What an answer must be to count as good."""

    status: tuple[int, ...] = ()
    """Allowed HTTP statuses; empty: 200 to 399."""
    body_contains: str = ""
    body_matches: str = ""
    """A regular expression that must be found in the body."""
    json_equals: dict[str, Any] = {}
    """Values by path ("items.0.id")."""


class Step(_Part, frozen=True, kw_only=True):
    """One request: HTTP by `method` and `path`, or gRPC by `rpc`."""

    name: str = ""
    """In reports; empty: method and path."""
    method: str = "GET"
    path: str = "/"
    """Below the target, or a whole URL of a target that is named in `targets`."""
    headers: dict[str, str] = {}
    body: str = ""
    json: Any = None
    """Sent as JSON; texts in it may have `${...}`."""
    follow_redirects: int = 0
    """At most so many."""
    rpc: str = ""
    """"package.Service/Method" of a gRPC target."""
    message: dict[str, Any] = {}
    """The gRPC request as JSON."""
    checks: Checks = Checks()
    extract: dict[str, str] = {}
    """Values for later steps, by name: "json:PATH", "header:NAME" or "regex:PATTERN" (first group)
    """
    timeout_seconds: float = 0.0
    """0: that of the limits."""


class Feed(_Part, frozen=True, kw_only=True):
    """Rows of data for requests."""

    file: str
    """CSV with a header, or JSON lines; of the code folder or beside the configuration."""
    order: str = "sequential"
    """"sequential" (arrival k takes row k, again from the first after the last) or "random"."""


class Limits(_Part, frozen=True, kw_only=True):
    """What the generator keeps to."""

    connections: int = 256
    """Of all processes and workers together. With none free, an arrival waits; that wait is in its
    response time."""
    in_flight: int = 10_000
    """Cases that wait for a connection or an answer at most; over it, arrivals fail as
    OVERLOADED (they count as failed, none is skipped)."""
    timeout_seconds: float = 30.0
    """From the send to the whole answer."""
    connect_timeout_seconds: float = 10.0
    max_body_bytes: int = 16 * MEBIBYTE
    """Of an answer; a larger one fails as BODY_TOO_LARGE."""


class Tls(_Part, frozen=True, kw_only=True):
    """How an https or grpcs target proves who it is."""

    ca_file: str = ""
    """Certificates to trust instead of the system's."""
    verify: bool = True
    server_name: str = ""


class Monitor(_Part, frozen=True, kw_only=True):
    """A machine to watch during the run. Exactly one of the sources is given."""

    alias: str
    """The name in reports."""
    local: bool = False
    """This machine (of a job: that of its first worker)."""
    ssh: str = ""
    """"user@host" or "user@host:port"."""
    prometheus: str = ""
    """The URL of a node exporter's `/metrics`."""
    worker: str = ""
    """The name of a worker of the fleet."""
    processes: tuple[str, ...] = ()
    """Names of processes to watch, besides the whole machine."""
    password: str = ""
    """Of SSH or, with `key_file`, of the key; by reference: "${env:NAME}" or "${file:PATH}"."""
    key_file: str = ""
    known_hosts: str = ""
    """Empty: `~/.ssh/known_hosts`."""
    ping: str = ""
    """"host:port" to ping from here by TCP ("" : the monitored host itself; "-": none)."""


class FindMaxLoad(_Part, frozen=True, kw_only=True):
    """Search for the largest load parameter whose response time stays within the bound."""

    max_response_seconds: float
    rate: float = 1.0
    """Arrivals a second at each point."""
    start: int = 1
    most: int = 1_000_000
    percentile: float = 99.0
    """Of the response times, that the bound is about."""


class FindMaxRps(_Part, frozen=True, kw_only=True):
    """Search for the highest rate that keeps the service-level objective."""

    slo: str = "p99<200ms,errors<0.1%"
    start: float = 10.0
    most: float = 1_000_000.0
    precision: float = 0.02
    """The search ends when the bounds are this close to each other."""


class Hold(_Part, frozen=True, kw_only=True):
    """How long a searched point is held: until its figures are stable."""

    min_seconds: float = 3.0
    max_seconds: float = 30.0
    rest_seconds: float = 2.0
    """Between points."""
    neighbours: int = 3
    """After the search the optimum and as many points below it run again with monitoring."""
    final_seconds: float = 10.0
    """How long each of these runs."""


class Spec(_Part, frozen=True, kw_only=True):
    """A load test. Without a search, every load of `loads` runs with `arrivals` once."""

    target: str
    """"http://host:port", "https://...", "grpc://host:port" or "grpcs://...": the only address that
    anything is sent to, with those in `targets`."""
    targets: tuple[str, ...] = ()
    """Further targets that steps may name."""
    name: str = ""
    """The application's name, for reports."""
    case: str = ""
    """A case by name ("fibonacci", "bubble-sort", one of an entry point) or "module:Class" of the
    code folder; empty: the steps."""
    steps: tuple[Step, ...] = ()
    """What one arrival does, in order; with neither case nor steps: GET of the target."""
    arrivals: Arrivals | None = None
    loads: tuple[int, ...] = ()
    """Load parameters, one run each; empty: one run without."""
    find_max_load: FindMaxLoad | None = None
    find_max_rps: FindMaxRps | None = None
    hold: Hold = Hold()
    thresholds: tuple[str, ...] = ()
    """Such as "p99<200ms" and "errors<0.1%": broken ones fail the run."""
    feed: Feed | None = None
    grpc_proto: str = ""
    """A .proto file; empty: the server's reflection tells."""
    limits: Limits = Limits()
    tls: Tls = Tls()
    monitors: tuple[Monitor, ...] = ()
    monitor_interval_seconds: float = 1.0
    workers: int = 1
    """Of a job: so many tasks on workers of their own share the rate."""
    processes: int = 1
    """Generators on each machine."""
    environment: dict[str, str] = {}
    """Of a job: variables for the generators."""


def check(spec: Spec) -> None:
    """The rules that types do not express.

    Raises:
        InvalidJob: Some are broken; it lists them.
    """
    from tensorfleet.kinds.loadtest.spec_problems import problems  # they need this module

    found = [
        FieldError(field=f"spec.{field}", message=message)
        for field, message in islice(problems(spec), _SHOWN_PROBLEMS)
    ]
    found += spec_rules.environment_problems(spec.environment)
    spec_rules.raise_problems("loadtest", found)


def targets_of(spec: Spec) -> str:
    """Where it will send to, in a sentence; and what it will watch."""
    watched = ", ".join(monitor.alias for monitor in spec.monitors)
    return f"sends to {' and '.join((spec.target, *spec.targets))} only" + (
        f"; watches {watched}" if watched else ""
    )


def needs_gang(spec: Spec) -> bool:
    """Generators on several workers start on one clock."""
    return spec.workers > 1


def needs_code(spec: Spec) -> bool:
    """Whether a case or file of the user's is named, which a job can only have in its code."""
    return ":" in spec.case or bool(_named_files(spec))


def check_code(spec: Spec, file_names: frozenset[str]) -> None:
    """Whether what the spec names is in the code folder.

    Raises:
        InvalidJob: Something is not.
    """
    problems = [
        FieldError(field=f"spec.{field}", message=f"{name} is not in the code folder")
        for field, name in _named_files(spec).items()
        if str(PurePosixPath(name)) not in file_names
    ]
    missing = spec_rules.missing_module(spec.case, file_names) if ":" in spec.case else None
    if missing:
        message = f"{missing} is not in the code folder"
        problems.append(FieldError(field="spec.case", message=message))
    if problems:
        listed = "; ".join(problem.message for problem in problems)
        raise InvalidJob(f"a file of this load test is missing: {listed}", tuple(problems))


def _named_files(spec: Spec) -> dict[str, str]:
    """Files below the code folder, by the field that names them."""
    named = {
        "grpc_proto": spec.grpc_proto,
        "tls.ca_file": spec.tls.ca_file,
        "feed.file": spec.feed.file if spec.feed else "",
        "arrivals.file": spec.arrivals.file if isinstance(spec.arrivals, Replay) else "",
    }
    return {field: name for field, name in named.items() if name and not name.startswith("/")}
