"""`tensorfleet submit`: hands in a job."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

if TYPE_CHECKING:
    from tensorfleet.shared.rest.jobs import CreateJob


def submit(
    job_file: Annotated[
        Path, typer.Argument(metavar="JOB_FILE", help="The job, in YAML; see examples/digits.")
    ],
    *,
    params: Annotated[
        list[str] | None,
        typer.Option(
            "--param", "-p", metavar="NAME=VALUE", help="Set a parameter of the job; may repeat."
        ),
    ] = None,
    name: Annotated[str, typer.Option("--name", help="Another name than the file's.")] = "",
    priority: Annotated[
        Literal["high", "normal", "low"] | None,
        typer.Option("--priority", help="Which queue it waits in; else as in the file."),
    ] = None,
    labels: Annotated[
        list[str] | None,
        typer.Option("--label", "-l", metavar="NAME=VALUE", help="Set a label; may repeat."),
    ] = None,
    after: Annotated[
        list[str] | None,
        typer.Option("--after", metavar="JOB", help="Start once this job succeeded; may repeat."),
    ] = None,
    watch: Annotated[
        bool, typer.Option("--watch", "-w", help="Follow it; exit status 1 when it fails.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="The job in JSON; with --watch, events as JSON lines.")
    ] = False,
) -> None:
    """Hand in a job: check it, upload its code, queue it."""
    from tensorfleet.cli.fleet_client import open_client
    from tensorfleet.cli.job_changes import parse_labels
    from tensorfleet.cli.terminal import done, out, print_hint, print_json
    from tensorfleet.cli.watch import follow_job
    from tensorfleet.shared.rest.job_files import read_job_file

    document = job_document(
        read_job_file(job_file),
        folder=job_file.absolute().parent,
        params=parse_params(params or []),
        name=name,
        priority=priority,
        labels=parse_labels(labels or []),
        after=after or [],
    )
    with open_client() as client:
        job = client.submit(document)
        if as_json:
            print_json(job, is_line=watch)
        else:
            out().print(done(job.id, "is queued"))
        if watch:
            follow_job(client, job, as_json=as_json)
        elif not as_json:
            print_hint(f"Follow it: tensorfleet watch {job.id}")


def job_document(
    job: "CreateJob",
    *,
    folder: Path,
    params: dict[str, Any],
    name: str,
    priority: str | None,
    labels: dict[str, str],
    after: list[str],
) -> dict[str, Any]:
    """The job of a file as a client takes it, with what the command line changes.

    Args:
        job: What the file says.
        folder: Where the file lies; its code folder is relative to that.
        params: Goes over the file's `spec.params`.
        name: Goes over the file's; empty does not.
        priority: Likewise; None does not.
        labels: Go over the file's, one by one.
        after: Is added to the file's.
    """
    import msgspec

    document: dict[str, Any] = msgspec.to_builtins(job)
    if job.code:
        document["code"] = str(folder / job.code)
    if name:
        document["name"] = name
    if priority:
        document["priority"] = priority
    document["labels"] = {**document["labels"], **labels}
    document["after"] = [*document["after"], *after]
    if params:
        spec = dict(document["spec"])
        spec["params"] = {**spec.get("params", {}), **params}
        document["spec"] = spec
    return document


def parse_params(assignments: list[str]) -> dict[str, Any]:
    """Values by name, from `name=value`; a value is read as YAML, so that 3 is a number.

    Raises:
        InvalidInput: One is not of that form.
    """
    import yaml

    from tensorfleet.shared.errors import InvalidInput

    values: dict[str, Any] = {}
    for assignment in assignments:
        name, equals, text = assignment.partition("=")
        if not equals or not name:
            raise InvalidInput(f"--param {assignment!r} is not NAME=VALUE, like epochs=20")
        try:
            values[name] = _as_number(yaml.safe_load(text))
        except yaml.YAMLError as exc:
            raise InvalidInput(f"--param {name}: the value is not YAML; put it in quotes") from exc
    return values


def _as_number(value: Any) -> Any:
    """YAML 1.1 takes `1e-3` for text; whoever types that means a number."""
    if isinstance(value, str):
        try:
            return float(value) if "e" in value.lower() and value[0] in "+-.0123456789" else value
        except ValueError:
            return value
    return value
