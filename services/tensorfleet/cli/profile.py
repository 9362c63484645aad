"""`tensorfleet profile` and `tensorfleet compare`: measure algorithms, and say how sure it is."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from tensorfleet.cli.exit_status import FAILED

if TYPE_CHECKING:
    from tensorfleet.sdk.client import Client
    from tensorfleet.shared.rest.jobs import Job

app = typer.Typer(
    help="Measure algorithms over input sizes: time, memory, complexity.", no_args_is_help=True
)

# Fresh processes, values of each, and the least seconds of a value.
PRECISIONS: dict[str, dict[str, float]] = {
    "quick": {"processes": 6},
    "standard": {},
    "thorough": {"processes": 40},
}
PAIR_PROCESSES = {"quick": 12, "standard": 30, "thorough": 80}
HISTORY = 20

Precision = Literal["quick", "standard", "thorough"]

Algorithm = Annotated[
    str,
    typer.Argument(metavar="ALGORITHM", help="A name (see `profile algorithms`), or MODULE:FUNC."),
]
JobId = Annotated[str, typer.Argument(metavar="JOB", help="Id of the job.")]
Sizes = Annotated[
    str,
    typer.Option(
        "--sizes", "-s", help="Like 1k,10k,100k or 1k..64k (doubling); else the algorithm's own."
    ),
]
Inputs = Annotated[
    str, typer.Option("--inputs", "-i", help="Like random,sorted; else the algorithm's first.")
]
Code = Annotated[
    Path | None, typer.Option("--code", help="The folder with the code of MODULE:FUNC.")
]
Seed = Annotated[int, typer.Option("--seed", help="Of the inputs.")]
PrecisionOption = Annotated[
    Precision, typer.Option("--precision", help="More processes, or fewer.")
]
ProcessCount = Annotated[
    int | None, typer.Option("--processes", help="Fresh processes; goes over --precision.")
]
Detach = Annotated[bool, typer.Option("--detach", "-d", help="Do not wait for the results.")]
AsJson = Annotated[bool, typer.Option("--json", help="Results in JSON.")]


@app.command()
def run(
    algorithms: Annotated[
        list[str],
        typer.Argument(
            metavar="ALGORITHM...", help="Names (see `profile algorithms`), or MODULE:FUNC."
        ),
    ],
    *,
    sizes: Sizes = "",
    inputs: Inputs = "",
    code: Code = None,
    seed: Seed = 1,
    repeats: Annotated[
        int, typer.Option("--repeats", help="So many tasks of each, on whatever workers are free.")
    ] = 1,
    precision: PrecisionOption = "standard",
    processes: ProcessCount = None,
    auto_extend: Annotated[
        bool,
        typer.Option(
            "--auto-extend", help="Add sizes and processes while the class cannot be told."
        ),
    ] = False,
    name: Annotated[str, typer.Option("--name", help="For people.")] = "",
    detach: Detach = False,
    as_json: AsJson = False,
) -> None:
    """Measure algorithms over input sizes, and show what was found."""
    from tensorfleet.cli.fleet_client import open_client

    spec: dict[str, Any] = {
        "algorithms": algorithms,
        "sizes": _parse_sizes(sizes),
        "inputs": _split(inputs),
        "seed": seed,
        "repeats": repeats,
        "measuring": measuring_of(precision, processes),
        "auto_extend": auto_extend,
    }
    document: dict[str, Any] = {
        "kind": "profile",
        "name": name or ", ".join(algorithms)[:128],
        "spec": spec,
    }
    if code is not None:
        document["code"] = str(code.absolute())
    with open_client() as client:
        _follow_and_show(client, client.submit(document), detach=detach, as_json=as_json)


@app.command()
def show(job: JobId, *, as_json: AsJson = False) -> None:
    """Show what a profile or a comparison found."""
    from tensorfleet.cli.fleet_client import open_client

    with open_client() as client:
        show_results(client.results(job), as_json=as_json)


@app.command()
def plot(
    job: JobId,
    name: Annotated[
        str, typer.Argument(metavar="[NAME]", help="time, violin, memory or comparison.")
    ] = "time",
    *,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="A file: .png or .svg; else NAME.png."),
    ] = None,
    algorithms: Annotated[
        str, typer.Option("--algorithms", "-a", help="Only these, separated by commas.")
    ] = "",
    inputs: Annotated[str, typer.Option("--inputs", "-i", help="Only these.")] = "",
) -> None:
    """Draw a picture of what a profile found."""
    from tensorfleet.cli.results import plot as plot_results

    chosen = (("algorithms", algorithms), ("inputs", inputs))
    options = [f"{key}={value}" for key, value in chosen if value]
    plot_results(job, name, output=output, option=options)


@app.command()
def history(
    algorithm: Annotated[
        str, typer.Argument(metavar="[ALGORITHM]", help="Only results of this one.")
    ] = "",
    *,
    code: Annotated[
        str, typer.Option("--code", help="Only results of this code: the start of its digest.")
    ] = "",
    limit: Annotated[int, typer.Option("--limit", help="So many jobs back.")] = HISTORY,
    as_json: AsJson = False,
) -> None:
    """List earlier results, newest first, each with the digest of the code that was measured."""
    from tensorfleet.cli.fleet_client import open_client
    from tensorfleet.cli.profile_history import find_history, history_table
    from tensorfleet.cli.terminal import out, print_json

    with open_client() as client:
        found = find_history(client, algorithm=algorithm, code=code, limit=limit)
    if as_json:
        print_json(found)
    else:
        out().print(history_table(found))


@app.command()
def algorithms(*, as_json: AsJson = False) -> None:
    """List the algorithms that can be named: those built in, and the project's own."""
    from tensorfleet.cli.fleet_client import open_client
    from tensorfleet.cli.profile_view import algorithms_table
    from tensorfleet.cli.terminal import out, print_json

    with open_client() as client:
        found = client.list_algorithms()
    if as_json:
        print_json(found)
    else:
        out().print(algorithms_table(found))


@app.command()
def register(
    function: Annotated[str, typer.Argument(metavar="MODULE:FUNC", help="What to measure.")],
    *,
    code: Annotated[Path, typer.Option("--code", help="The folder with its code.")],
    name: Annotated[str, typer.Option("--name", help="How jobs will name it.")],
    inputs: Annotated[
        str,
        typer.Option(
            "--inputs", "-i", help="Like random,sorted, or mine=MODULE:GENERATOR; else random."
        ),
    ] = "random",
    sizes: Sizes = "",
    expected: Annotated[
        str, typer.Option("--expected", help='Its class, like "n log n", for the first input.')
    ] = "",
    reference: Annotated[
        str, typer.Option("--reference", metavar="MODULE:FUNC", help="What gives right answers.")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Register an algorithm of your own for the project, so that jobs can name it."""
    from tensorfleet.cli.fleet_client import open_client
    from tensorfleet.cli.terminal import done, out, print_hint, print_json

    generators = dict(_generator(text) for text in _split(inputs))
    document: dict[str, Any] = {
        "name": name,
        "function": function,
        "inputs": generators,
        "sizes": _parse_sizes(sizes),
        "reference": reference,
    }
    if expected:
        document["expected"] = {next(iter(generators)): expected}
    with open_client() as client:
        registered = client.register_algorithm(document, code=code.absolute())
    if as_json:
        print_json(registered)
        return
    out().print(done(name, "is registered"))
    print_hint(f"Measure it: tensorfleet profile run {name}")


@app.command()
def check(
    job: Annotated[
        str,
        typer.Argument(
            metavar="[JOB]",
            help="A job to hold against the baseline; without it, both are measured again, "
            "side by side.",
        ),
    ] = "",
    *,
    baseline: Annotated[
        str, typer.Option("--baseline", metavar="JOB", help="The job that is held to be good.")
    ],
    max_regression: Annotated[
        str, typer.Option("--max-regression", help="How much slower is still fine, like 5%.")
    ] = "5%",
    code: Annotated[
        Path | None, typer.Option("--code", help="The folder with the code as it is now.")
    ] = None,
    normalize: Annotated[
        bool, typer.Option("--normalize", help="Compare different machines by their speed.")
    ] = False,
    junit: Annotated[
        Path | None, typer.Option("--junit", metavar="FILE", help="Write a JUnit report.")
    ] = None,
    precision: PrecisionOption = "standard",
    as_json: AsJson = False,
) -> None:
    """Fail when code got slower than a baseline: for continuous integration.

    The exit status is 1 when something is slower by more than --max-regression beyond doubt, or
    could not be compared.
    """
    from tensorfleet.cli.fleet_client import open_client
    from tensorfleet.cli.profile_check import Gate, check_again, check_recorded
    from tensorfleet.cli.profile_view import gate_table
    from tensorfleet.cli.terminal import out, print_json
    from tensorfleet.kinds.profile.forms import PairMeasuring
    from tensorfleet.sdk.job_results import write_whole

    with open_client() as client:
        gate: Gate
        if job:
            gate = check_recorded(
                client, job, baseline, max_regression=max_regression, normalize=normalize
            )
        else:
            gate = check_again(
                client,
                baseline,
                code=code,
                max_regression=max_regression,
                measuring=PairMeasuring(processes=PAIR_PROCESSES[precision]),
            )
    if junit is not None:
        write_whole(junit, gate.junit())
    if as_json:
        print_json(gate)
    else:
        out().print(gate_table(gate))
    if not gate.has_passed:
        raise typer.Exit(FAILED)


def compare(
    a: Algorithm,
    b: Algorithm,
    *,
    sizes: Sizes = "",
    inputs: Inputs = "",
    code: Code = None,
    seed: Seed = 1,
    precision: PrecisionOption = "standard",
    processes: ProcessCount = None,
    normalize: Annotated[
        bool, typer.Option("--normalize", help="For two jobs: compare different machines anyway.")
    ] = False,
    detach: Detach = False,
    as_json: AsJson = False,
) -> None:
    """Compare two algorithms, interleaved on one worker; or the results of two profile jobs."""
    from tensorfleet.cli.fleet_client import open_client

    with open_client() as client:
        if a.startswith("job-") and b.startswith("job-"):
            show_results(client.results(b, baseline=a, normalize=normalize), as_json=as_json)
            return
        job = client.compare(
            a,
            b,
            sizes=_parse_sizes(sizes),
            inputs=_split(inputs),
            seed=seed,
            measuring={"processes": processes or PAIR_PROCESSES[precision]},
            code=str(code.absolute()) if code else "",
        )
        _follow_and_show(client, job, detach=detach, as_json=as_json)


def measuring_of(precision: Precision, processes: int | None) -> dict[str, Any]:
    """The measuring that a precision stands for."""
    measuring: dict[str, Any] = dict(PRECISIONS[precision])
    if processes is not None:
        measuring["processes"] = processes
    return measuring


def show_results(results: dict[str, Any], *, as_json: bool) -> None:
    """Prints what a job found.

    Raises:
        typer.Exit: Of a job that has ended, something could not be measured at all.
    """
    from tensorfleet.cli.profile_view import print_report
    from tensorfleet.cli.terminal import out, print_hint, print_json

    if as_json:
        print_json(results)
    else:
        print_report(out(), results["report"])
        if not results["is_complete"]:
            print_hint("The job has not ended; this is what there is so far.")
    if results["is_complete"] and not _has_everything(results["report"]):
        raise typer.Exit(FAILED)


def _has_everything(report: dict[str, Any]) -> bool:
    """Whether there is a figure of every algorithm, if not of every size."""
    series = (any(c["median"] is not None for c in one["cells"]) for one in report["series"])
    pairs = (any(c["ratio"] is not None for c in one["sizes"]) for one in report["comparisons"])
    return not report["failures"] and all(series) and all(pairs)


def _follow_and_show(client: "Client", job: "Job", *, detach: bool, as_json: bool) -> None:
    from tensorfleet.cli.terminal import done, out, print_hint, print_json
    from tensorfleet.cli.watch import follow_job

    if detach:
        if as_json:
            print_json(job)
        else:
            out().print(done(job.id, "is queued"))
            print_hint(f"See what it finds: tensorfleet profile show {job.id}")
        return
    if as_json:
        client.wait(job.id)
        show_results(client.results(job.id), as_json=True)
        return
    follow_job(client, job, as_json=False)
    show_results(client.results(job.id), as_json=False)
    print_hint(f"Draw it: tensorfleet profile plot {job.id}")


def _parse_sizes(text: str) -> list[int]:
    from tensorfleet.kinds.profile.size import parse_sizes

    return list(parse_sizes(text)) if text else []


def _split(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _generator(text: str) -> tuple[str, str]:
    name, sign, generator = text.partition("=")
    return name, generator if sign else name
