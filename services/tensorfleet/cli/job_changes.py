"""`tensorfleet pause`, `resume`, `retry` and `update`."""

from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from tensorfleet.shared.rest.jobs import Job

JobId = Annotated[str, typer.Argument(metavar="JOB", help="Id of the job.")]
AsJson = Annotated[bool, typer.Option("--json", help="Answer in JSON.")]


def pause(job: JobId, *, as_json: AsJson = False) -> None:
    """Start no further task of a job; those that run go on."""
    from tensorfleet.cli.fleet_client import open_client

    with open_client() as client:
        paused = client.pause(job)
    running = paused.tasks.running
    aside = f"; {running} of its tasks run on" if running else ""
    _tell(paused, f"is paused{aside}", as_json=as_json, hint=f"tensorfleet resume {paused.id}")


def resume(job: JobId, *, as_json: AsJson = False) -> None:
    """Go on with a paused job."""
    from tensorfleet.cli.fleet_client import open_client

    with open_client() as client:
        resumed = client.resume(job)
    _tell(resumed, f"is {resumed.state}", as_json=as_json)


def retry(job: JobId, *, as_json: AsJson = False) -> None:
    """Run the failed and cancelled tasks of an ended job again."""
    from tensorfleet.cli.fleet_client import open_client

    with open_client() as client:
        again = client.retry(job)
    aside = f"is {again.state} again"
    _tell(again, aside, as_json=as_json, hint=f"tensorfleet watch {again.id}")


def update(
    job: JobId,
    *,
    priority: Annotated[
        Literal["high", "normal", "low"] | None,
        typer.Option("--priority", help="Its tasks that wait move to this queue."),
    ] = None,
    name: Annotated[str | None, typer.Option("--name", help="For people.")] = None,
    labels: Annotated[
        list[str] | None,
        typer.Option("--label", "-l", metavar="NAME=VALUE", help="Set a label; may repeat."),
    ] = None,
    removed_labels: Annotated[
        list[str] | None,
        typer.Option("--remove-label", metavar="NAME", help="Remove a label; may repeat."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Change the priority, name or labels of a job that has not ended."""
    from tensorfleet.cli.fleet_client import open_client
    from tensorfleet.shared.errors import InvalidInput

    changes: dict[str, str | None] = dict(parse_labels(labels or []))
    changes.update(dict.fromkeys(removed_labels or []))
    if priority is None and name is None and not changes:
        raise InvalidInput("nothing to change: give --priority, --name, --label or --remove-label")
    with open_client() as client:
        updated = client.update(job, priority=priority, name=name, labels=changes or None)
    shown = [updated.name, f"priority {updated.priority}"]
    shown += [f"{key}={value}" for key, value in sorted(updated.labels.items())]
    _tell(updated, f"is now: {', '.join(shown)}", as_json=as_json)


def parse_labels(assignments: list[str]) -> dict[str, str]:
    """Labels by name, from `name=value`.

    Raises:
        InvalidInput: One is not of that form.
    """
    from tensorfleet.shared.errors import InvalidInput

    labels: dict[str, str] = {}
    for assignment in assignments:
        name, equals, value = assignment.partition("=")
        if not equals or not name:
            raise InvalidInput(f"--label {assignment!r} is not NAME=VALUE, like team=vision")
        labels[name] = value
    return labels


def _tell(job: "Job", aside: str, *, as_json: bool, hint: str = "") -> None:
    from tensorfleet.cli.terminal import done, out, print_hint, print_json

    if as_json:
        print_json(job)
        return
    out().print(done(job.id, aside))
    if hint:
        print_hint(f"Next: {hint}")
