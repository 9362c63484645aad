"""`tensorfleet jobs`, `show` and `cancel`."""

from typing import Annotated, Literal

import typer

JobId = Annotated[str, typer.Argument(metavar="JOB", help="Id of the job.")]
AsJson = Annotated[bool, typer.Option("--json", help="Answer in JSON.")]


def jobs(
    *,
    state: Annotated[
        Literal["pending", "running", "paused", "succeeded", "failed", "cancelled"] | None,
        typer.Option("--state", help="Only those in this state."),
    ] = None,
    kind: Annotated[str, typer.Option("--kind", help="Only this kind, such as train.")] = "",
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=500, help="At most.")] = 20,
    as_json: AsJson = False,
) -> None:
    """List jobs, newest first."""
    from tensorfleet.cli.fleet_client import open_client
    from tensorfleet.cli.job_tables import JobTable
    from tensorfleet.cli.terminal import out, print_hint, print_json

    with open_client() as client:
        found = list(client.jobs(state=state, kind=kind, limit=limit))
    if as_json:
        print_json({"jobs": found})
    elif found:
        out().print(JobTable(found))
    else:
        print_hint("No such jobs. Hand one in: tensorfleet submit job.yaml")


def show(job: JobId, *, as_json: AsJson = False) -> None:
    """Show everything about a job: its tasks, attempts, checkpoints, results."""
    from tensorfleet.cli.fleet_client import open_client
    from tensorfleet.cli.job_tables import job_details
    from tensorfleet.cli.terminal import out, print_json

    with open_client() as client:
        found = client.job(job)
        tasks = list(client.tasks(job))
        checkpoints = list(client.checkpoints(job))
    if as_json:
        print_json({"job": found, "tasks": tasks, "checkpoints": checkpoints})
    else:
        out().print(job_details(found, tasks, checkpoints))


def cancel(
    job: JobId,
    *,
    reason: Annotated[str, typer.Option("--reason", help="For the record.")] = "",
    as_json: AsJson = False,
) -> None:
    """Cancel a job; one that has ended stays as it is."""
    from tensorfleet.cli.fleet_client import open_client
    from tensorfleet.cli.terminal import out, print_json
    from tensorfleet.cli.words import state_text

    with open_client() as client:
        cancelled = client.cancel(job, reason=reason)
    if as_json:
        print_json(cancelled)
    elif cancelled.is_terminal:
        out().print(f"{cancelled.id} has ended:", state_text(cancelled.state))
    else:
        out().print(f"{cancelled.id} is being cancelled; its processes get time to stop")
