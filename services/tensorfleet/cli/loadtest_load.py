"""`tensorfleet loadtest run`, `find-max-load` and `find-max-rps`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from tensorfleet.cli.exit_status import FAILED, INTERRUPTED
from tensorfleet.cli.loadtest_options import (
    AsJson,
    Body,
    Case,
    Connections,
    Csv,
    Final,
    Headers,
    Html,
    Junit,
    MaxHold,
    Method,
    MinHold,
    Monitors,
    Name,
    Neighbours,
    Out,
    Processes,
    Rest,
    Source,
    Thresholds,
    Timeout,
)

if TYPE_CHECKING:
    from tensorfleet.kinds.loadtest.record import Document


def run(
    source: Source,
    *,
    rate: Annotated[float | None, typer.Option("--rate", "-r", help="Arrivals a second.")] = None,
    duration: Annotated[str, typer.Option("--duration", "-d", help="Like 30s; else 30s.")] = "",
    shape: Annotated[
        Literal["", "constant", "poisson", "ramp", "staircase", "spike", "replay", "closed"],
        typer.Option("--shape", help="How arrivals come; else constant.", show_default=False),
    ] = "",
    to_rate: Annotated[
        float | None, typer.Option("--to-rate", help="End of a ramp or staircase, peak of a spike.")
    ] = None,
    steps: Annotated[int | None, typer.Option("--steps", help="Of a staircase; else 5.")] = None,
    users: Annotated[int | None, typer.Option("--users", help="Of a closed loop.")] = None,
    replay: Annotated[
        str, typer.Option("--replay", metavar="FILE", help="Recorded times of arrivals.")
    ] = "",
    seed: Annotated[int | None, typer.Option("--seed", help="Of poisson arrivals.")] = None,
    load: Annotated[
        list[int] | None, typer.Option("--load", help="Load parameter; may repeat, a run each.")
    ] = None,
    case: Case = "",
    method: Method = "",
    header: Headers = None,
    body: Body = "",
    connections: Connections = None,
    processes: Processes = None,
    timeout: Timeout = "",
    threshold: Thresholds = None,
    monitor: Monitors = None,
    name: Name = "",
    out: Out = None,
    html: Html = None,
    csv: Csv = None,
    junit: Junit = None,
    as_json: AsJson = False,
) -> None:
    """Run a load test, and show what was measured.

    Options go over the file. The exit status is 1 when a threshold is broken or the generator
    itself was the limit (INVALID). Ctrl-C ends it early with the results so far (status 130).
    """
    from tensorfleet.cli import loadtest_configuration as configuring

    config, folder = configuring.configuration(source)
    config = configuring.with_request(
        config, method=method, fields=configuring.headers(header or []), body=body
    )
    arrivals = configuring.arrivals(
        shape,
        rate=rate,
        to_rate=to_rate,
        duration_seconds=configuring.duration_seconds(duration, "--duration") if duration else None,
        steps=steps,
        users=users,
        replay=replay,
        seed=seed,
    )
    config |= _given(arrivals=arrivals, loads=load, case=case, name=name)
    _limit(config, connections=connections, processes=processes, timeout=timeout)
    _hold_to(config, threshold, monitor)
    _run(config, folder, out=out, html=html, csv=csv, junit=junit, as_json=as_json)


def find_max_load(
    source: Source,
    *,
    case: Case = "",
    max_response: Annotated[
        str, typer.Option("--max-response", help="The longest fine response time, like 2s.")
    ] = "",
    percentile: Annotated[
        float | None, typer.Option("--percentile", help="Of the response times; else 99.")
    ] = None,
    rate: Annotated[
        float | None, typer.Option("--rate", "-r", help="Arrivals a second; else 1.")
    ] = None,
    start: Annotated[int | None, typer.Option("--start", help="The first load; else 1.")] = None,
    most: Annotated[int | None, typer.Option("--most", help="No load above this.")] = None,
    min_hold: MinHold = "",
    max_hold: MaxHold = "",
    rest: Rest = "",
    final: Final = "",
    neighbours: Neighbours = None,
    connections: Connections = None,
    processes: Processes = None,
    timeout: Timeout = "",
    threshold: Thresholds = None,
    monitor: Monitors = None,
    name: Name = "",
    out: Out = None,
    html: Html = None,
    csv: Csv = None,
    junit: Junit = None,
    as_json: AsJson = False,
) -> None:
    """Find the largest load parameter of a case whose response time stays within a bound."""
    from tensorfleet.cli.loadtest_configuration import configuration, duration_seconds
    from tensorfleet.shared.errors import InvalidInput

    config, folder = configuration(source)
    longest = duration_seconds(max_response, "--max-response") if max_response else None
    search = dict(config.get("find_max_load") or {}) | _given(
        max_response_seconds=longest, percentile=percentile, rate=rate, start=start, most=most
    )
    if "max_response_seconds" not in search:
        raise InvalidInput("say how long an answer may take: --max-response 2s")
    config |= _given(case=case, name=name) | {"find_max_load": search}
    _hold(config, min_hold, max_hold, rest, final, neighbours)
    _limit(config, connections=connections, processes=processes, timeout=timeout)
    _hold_to(config, threshold, monitor)
    _run(config, folder, out=out, html=html, csv=csv, junit=junit, as_json=as_json)


def find_max_rps(
    source: Source,
    *,
    slo: Annotated[
        str, typer.Option("--slo", help="What must hold; else 'p99<200ms,errors<0.1%'.")
    ] = "",
    start: Annotated[float | None, typer.Option("--start", help="The first rate; else 10.")] = None,
    most: Annotated[float | None, typer.Option("--most", help="No rate above this.")] = None,
    precision: Annotated[
        float | None, typer.Option("--precision", help="How close to end; else 0.02.")
    ] = None,
    load: Annotated[int | None, typer.Option("--load", help="Load parameter of the case.")] = None,
    case: Case = "",
    method: Method = "",
    header: Headers = None,
    body: Body = "",
    min_hold: MinHold = "",
    max_hold: MaxHold = "",
    rest: Rest = "",
    final: Final = "",
    neighbours: Neighbours = None,
    connections: Connections = None,
    processes: Processes = None,
    timeout: Timeout = "",
    threshold: Annotated[
        list[str] | None, typer.Option("--threshold", help="Like 'best>500'; may repeat.")
    ] = None,
    monitor: Monitors = None,
    name: Name = "",
    out: Out = None,
    html: Html = None,
    csv: Csv = None,
    junit: Junit = None,
    as_json: AsJson = False,
) -> None:
    """Find the highest rate that keeps an objective."""
    from tensorfleet.cli import loadtest_configuration as configuring

    config, folder = configuring.configuration(source)
    config = configuring.with_request(
        config, method=method, fields=configuring.headers(header or []), body=body
    )
    search = dict(config.get("find_max_rps") or {}) | _given(
        slo=slo, start=start, most=most, precision=precision
    )
    loads = None if load is None else [load]
    config |= _given(case=case, name=name, loads=loads) | {"find_max_rps": search}
    _hold(config, min_hold, max_hold, rest, final, neighbours)
    _limit(config, connections=connections, processes=processes, timeout=timeout)
    _hold_to(config, threshold, monitor)
    _run(config, folder, out=out, html=html, csv=csv, junit=junit, as_json=as_json)


def _given(**values: Any) -> dict[str, Any]:
    """Those options that were given."""
    return {name: value for name, value in values.items() if value not in (None, "", [])}


def _limit(
    config: dict[str, Any], *, connections: int | None, processes: int | None, timeout: str
) -> None:
    from tensorfleet.cli.loadtest_configuration import duration_seconds

    seconds = duration_seconds(timeout, "--timeout") if timeout else None
    limits = _given(connections=connections, timeout_seconds=seconds)
    if limits:
        config["limits"] = {**config.get("limits", {}), **limits}
    config |= _given(processes=processes)


def _hold(
    config: dict[str, Any], least: str, most: str, rest: str, final: str, neighbours: int | None
) -> None:
    from tensorfleet.cli.loadtest_configuration import duration_seconds

    named = {"min": least, "max": most, "rest": rest, "final": final}
    options = {"min": "--min-hold", "max": "--max-hold", "rest": "--rest", "final": "--final"}
    hold = {
        f"{name}_seconds": duration_seconds(text, options[name])
        for name, text in named.items()
        if text
    } | _given(neighbours=neighbours)
    if hold:
        config["hold"] = {**config.get("hold", {}), **hold}


def _hold_to(
    config: dict[str, Any], thresholds: list[str] | None, monitors: list[str] | None
) -> None:
    from tensorfleet.cli.loadtest_configuration import monitors as read_monitors

    if thresholds:
        config["thresholds"] = [*config.get("thresholds", []), *thresholds]
    if monitors:
        config["monitors"] = [*config.get("monitors", []), *read_monitors(monitors)]


def _run(
    config: dict[str, Any],
    folder: Path,
    *,
    out: Path | None,
    html: Path | None,
    csv: Path | None,
    junit: Path | None,
    as_json: bool,
) -> None:
    from tensorfleet.cli import terminal
    from tensorfleet.cli.loadtest_files import write_reports
    from tensorfleet.cli.loadtest_live import showing
    from tensorfleet.cli.loadtest_run import run_here
    from tensorfleet.cli.loadtest_view import print_document
    from tensorfleet.kinds.loadtest.spec import targets_of
    from tensorfleet.kinds.registry import find_kind

    spec = find_kind("loadtest").parse_spec(config)
    console = terminal.err() if as_json else terminal.out()
    console.print(targets_of(spec), soft_wrap=True)
    with showing(console) as listener:
        document = run_here(spec, config, folder, listener)
    written = write_reports(document, out=out, html=html, csv=csv, junit=junit)
    if as_json:
        terminal.print_json(document)
    else:
        print_document(console, document)
    for path in written:
        console.print(terminal.done(str(path)))
    _raise_status(document)


def _raise_status(document: "Document") -> None:
    """Ends the command as the results ask for.

    Raises:
        typer.Exit: It was interrupted (130), is INVALID or broke a threshold (1).
    """
    from tensorfleet.kinds.loadtest.reporting.verdict import PASSED, verdict

    if document.interrupted:
        raise typer.Exit(INTERRUPTED)
    if verdict(document) != PASSED:
        raise typer.Exit(FAILED)
