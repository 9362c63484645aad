"""What is wrong with a load test's spec, beyond what types say."""

import math
import re
from collections.abc import Generator, Iterator
from contextlib import suppress

from tensorfleet.kinds.loadtest import arrivals as shapes
from tensorfleet.kinds.loadtest.campaign.objective import parse_condition, parse_slo
from tensorfleet.kinds.loadtest.engine.answer_rules import AnswerRules
from tensorfleet.kinds.loadtest.origin import Origin, parse_target
from tensorfleet.kinds.loadtest.spec import Monitor, Spec, Step
from tensorfleet.shared.errors import InvalidInput

Problem = tuple[str, str]
"""The field, as in "steps[0].path", and what is wrong with it."""

MAX_RATE = 10_000_000.0
MAX_SECONDS = 31 * 86_400.0
MAX_LOAD = 10**12
MAX_LOADS = 1_000
MAX_STEPS = 100
MAX_TARGETS = 100
MAX_MONITORS = 100
MAX_PROCESSES = 64
MAX_USERS = 100_000
MAX_WORKERS = 1_000

_REFERENCE = re.compile(r"\$\{(env|file):[^{}]+\}")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_SOURCES = ("local", "ssh", "prometheus", "worker")
_RATE_FIELDS = {
    "rate": (1e-6, MAX_RATE),
    "from_rate": (0.0, MAX_RATE),
    "to_rate": (0.0, MAX_RATE),
    "base_rate": (1e-6, MAX_RATE),
    "peak_rate": (1e-6, MAX_RATE),
    "duration_seconds": (1e-3, MAX_SECONDS),
    "step_seconds": (1e-3, MAX_SECONDS),
    "before_seconds": (0.0, MAX_SECONDS),
    "peak_seconds": (1e-3, MAX_SECONDS),
    "after_seconds": (0.0, MAX_SECONDS),
    "think_seconds": (0.0, 86_400.0),
    "steps": (1, 10_000),
    "speed": (1e-6, 1e6),
    "seed": (0, 2**53 - 1),
}
_LIMITS = {
    "connections": (1, 100_000),
    "in_flight": (1, 1_000_000),
    "timeout_seconds": (0.001, 86_400.0),
    "connect_timeout_seconds": (0.001, 3_600.0),
    "max_body_bytes": (0, 2**40),
}
_HOLD = {
    "min_seconds": (1.0, 3_600.0),
    "max_seconds": (1.0, 86_400.0),
    "rest_seconds": (0.0, 3_600.0),
    "neighbours": (0, 20),
    "final_seconds": (1.0, 86_400.0),
}


def problems(spec: Spec) -> Iterator[Problem]:
    """All that is wrong."""
    target = yield from _targets(spec)
    yield from _course(spec)
    yield from _case(spec, target)
    yield from _numbers(spec.limits, "limits", _LIMITS)
    yield from _numbers(spec.hold, "hold", _HOLD)
    if spec.hold.min_seconds > spec.hold.max_seconds:
        yield "hold.min_seconds", "must not be more than hold.max_seconds"
    for index, text in enumerate(spec.thresholds):
        try:
            parse_condition(text)
        except InvalidInput as exc:
            yield f"thresholds[{index}]", str(exc)
    yield from _amount("workers", spec.workers, 1, MAX_WORKERS)
    yield from _amount("processes", spec.processes, 1, MAX_PROCESSES)
    if spec.grpc_proto and target is not None and not target.is_grpc:
        yield "grpc_proto", f"{target} is no gRPC target; begin it with grpc:// or grpcs://"
    if spec.feed is not None and spec.feed.order not in ("sequential", "random"):
        yield "feed.order", 'is "sequential" or "random"'
    yield from _monitors(spec)


def _targets(spec: Spec) -> Generator[Problem, None, Origin | None]:
    first: Origin | None = None
    if len(spec.targets) > MAX_TARGETS:
        yield "targets", f"has {len(spec.targets):,}, at most {MAX_TARGETS}"
    named = [("target", spec.target)]
    named += [(f"targets[{i}]", url) for i, url in enumerate(spec.targets[:MAX_TARGETS])]
    for field, url in named:
        try:
            origin, _ = parse_target(url)
        except InvalidInput as exc:
            yield field, str(exc)
        else:
            if field == "target":
                first = origin
            elif origin.is_grpc:
                yield field, "a gRPC target must be the first, and has no others beside it"
    if first is not None and first.is_grpc and spec.targets:
        yield "targets", "a gRPC target has no others beside it"
    return first


def _course(spec: Spec) -> Iterator[Problem]:
    asked = [
        name
        for name in ("arrivals", "find_max_load", "find_max_rps")
        if getattr(spec, name) is not None
    ]
    if len(asked) != 1:
        given = " and ".join(asked) or "none"
        yield "arrivals", f"give one of arrivals, find_max_load and find_max_rps, not {given}"
    if spec.arrivals is not None:
        yield from _numbers(spec.arrivals, "arrivals", _RATE_FIELDS)
        yield from _shape(spec.arrivals)
        if isinstance(spec.arrivals, shapes.Closed):
            most = min(MAX_USERS, spec.limits.in_flight)
            yield from _amount("arrivals.users", spec.arrivals.users, 1, most)
    if spec.find_max_load is not None:
        search = spec.find_max_load
        yield from _amount("find_max_load.rate", search.rate, 1e-6, MAX_RATE)
        yield from _amount("find_max_load.percentile", search.percentile, 1.0, 100.0)
        bound = search.max_response_seconds
        yield from _amount("find_max_load.max_response_seconds", bound, 1e-6, 86_400.0)
        yield from _amount("find_max_load.start", search.start, 1, MAX_LOAD)
        yield from _amount("find_max_load.most", search.most, search.start, MAX_LOAD)
        if spec.loads:
            yield "loads", "find_max_load chooses the loads itself; leave them out"
    if spec.find_max_rps is not None:
        rate = spec.find_max_rps
        yield from _amount("find_max_rps.start", rate.start, 1e-3, MAX_RATE)
        yield from _amount("find_max_rps.most", rate.most, rate.start, MAX_RATE)
        yield from _amount("find_max_rps.precision", rate.precision, 0.001, 0.5)
        if len(spec.loads) > 1:
            yield "loads", "find_max_rps takes one load at most"
        try:
            parse_slo(rate.slo)
        except InvalidInput as exc:
            yield "find_max_rps.slo", str(exc)
    if len(spec.loads) > MAX_LOADS:
        yield "loads", f"has {len(spec.loads):,}, at most {MAX_LOADS:,}"
    for index, load in enumerate(spec.loads[:MAX_LOADS]):
        yield from _amount(f"loads[{index}]", load, 1, MAX_LOAD)
        if load in spec.loads[:index]:
            yield f"loads[{index}]", f"{load} stands twice"


def _shape(arrivals: shapes.Arrivals) -> Iterator[Problem]:
    match arrivals:
        case shapes.Ramp() if not max(arrivals.from_rate, arrivals.to_rate) > 0:
            yield "arrivals.to_rate", "one of from_rate and to_rate must be more than 0"
        case shapes.Staircase():
            last = arrivals.from_rate + (arrivals.steps - 1) * arrivals.step_rate
            if not (min(arrivals.from_rate, last) > 0 and last <= MAX_RATE):
                message = f"each step's rate must be over 0, up to {MAX_RATE:,.0f}"
                yield "arrivals.step_rate", message
        case shapes.Replay() if not arrivals.file:
            yield "arrivals.file", "name the file with the times"


def _case(spec: Spec, target: Origin | None) -> Iterator[Problem]:
    if spec.case and spec.steps:
        yield "steps", "a case brings its own; give case or steps"
    if len(spec.steps) > MAX_STEPS:
        yield "steps", f"has {len(spec.steps):,}, at most {MAX_STEPS}"
    if target is not None and target.is_grpc and not spec.case and not spec.steps:
        yield "steps", 'a gRPC target needs a step with rpc: "package.Service/Method"'
    named = _origins(spec)
    for index, step in enumerate(spec.steps[:MAX_STEPS]):
        for field, problem in _step(step, target, named):
            yield f"steps[{index}].{field}", problem


def _origins(spec: Spec) -> frozenset[Origin]:
    found = []
    for url in (spec.target, *spec.targets):
        with suppress(InvalidInput):  # told elsewhere
            found.append(parse_target(url)[0])
    return frozenset(found)


def _step(step: Step, target: Origin | None, named: frozenset[Origin]) -> Iterator[Problem]:
    if target is not None and target.is_grpc and not step.rpc:
        yield "rpc", f'{target} is a gRPC target: give rpc as "package.Service/Method"'
    if target is not None and not target.is_grpc and step.rpc:
        yield "rpc", f"{target} is no gRPC target; begin it with grpc:// or grpcs://"
    if step.rpc and step.rpc.strip("/").count("/") != 1:
        yield "rpc", f'{step.rpc[:80]!r} is not "package.Service/Method"'
    if step.body and step.json is not None:
        yield "body", "give body or json, not both"
    yield from _path(step.path, named)
    yield from _amount("follow_redirects", step.follow_redirects, 0, 50)
    yield from _amount("timeout_seconds", step.timeout_seconds, 0.0, 86_400.0)
    for place, status in enumerate(step.checks.status):
        yield from _amount(f"checks.status[{place}]", status, 100, 599)
    for name in step.extract:
        if not _NAME.fullmatch(name) or name in ("load", "counter", "uuid", "feed"):
            yield f"extract.{name[:40]}", "is not a name that a value can have"
    try:
        AnswerRules(step)
    except InvalidInput as exc:
        yield "checks", str(exc)


def _path(path: str, named: frozenset[Origin]) -> Iterator[Problem]:
    if path.startswith("/"):
        return
    if "://" not in path:
        yield "path", f"{path[:80]!r} must begin with /"
        return
    try:
        origin, _ = parse_target(path)
    except InvalidInput as exc:
        yield "path", str(exc)
    else:
        if origin not in named:
            yield "path", f"{origin} is not among the targets; name it in targets"


def _monitors(spec: Spec) -> Iterator[Problem]:
    yield from _amount("monitor_interval_seconds", spec.monitor_interval_seconds, 0.1, 3_600.0)
    if len(spec.monitors) > MAX_MONITORS:
        yield "monitors", f"has {len(spec.monitors):,}, at most {MAX_MONITORS}"
    aliases: set[str] = set()
    for index, monitor in enumerate(spec.monitors[:MAX_MONITORS]):
        field = f"monitors[{index}]"
        for inner, problem in _monitor(monitor):
            yield f"{field}.{inner}", problem
        if monitor.alias in aliases:
            yield f"{field}.alias", f"{monitor.alias[:80]!r} stands twice"
        aliases.add(monitor.alias)


def _monitor(monitor: Monitor) -> Iterator[Problem]:
    if not monitor.alias.strip():
        yield "alias", "give the machine a name for the reports"
    given = [name for name in _SOURCES if getattr(monitor, name)]
    if len(given) != 1:
        listed = ", ".join(_SOURCES)
        yield given[0] if given else "local", f"give one of {listed}"
    if monitor.password and not _REFERENCE.fullmatch(monitor.password):
        yield "password", 'give it by reference: "${env:NAME}" or "${file:PATH}"'
    if (monitor.password or monitor.key_file or monitor.known_hosts) and not monitor.ssh:
        yield "ssh", "password, key_file and known_hosts are for SSH"
    if monitor.prometheus and not monitor.prometheus.startswith(("http://", "https://")):
        yield "prometheus", "give the URL of the metrics page"


def _numbers(part: object, name: str, limits: dict[str, tuple[float, float]]) -> Iterator[Problem]:
    for field, (least, most) in limits.items():
        if hasattr(part, field):
            yield from _amount(f"{name}.{field}", getattr(part, field), least, most)


def _amount(field: str, value: float, least: float, most: float) -> Iterator[Problem]:
    if not (math.isfinite(value) and least <= value <= most):
        yield field, f"must be {least:,g} to {most:,g}, not {value:,g}"
