"""`tensorfleet watch` and `tensorfleet logs`: a job's events as they happen."""

import queue
import threading
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from tensorfleet.cli.exit_status import FAILED, INTERRUPTED

if TYPE_CHECKING:
    from tensorfleet.sdk.client import Client
    from tensorfleet.shared.rest.events import Event
    from tensorfleet.shared.rest.jobs import Job

# A stream that has been silent for this long has given all that there was.
SILENCE_SECONDS = 1.0
# The first answer may have to wait for a login.
FIRST_SECONDS = 10.0

JobId = Annotated[str, typer.Argument(metavar="JOB", help="Id of the job.")]
AsJson = Annotated[bool, typer.Option("--json", help="Events as JSON lines.")]


def watch(job: JobId, *, as_json: AsJson = False) -> None:
    """Follow a job until it ends: progress, metrics, log.

    The exit status is 1 when the job fails or is cancelled. Ctrl-C stops watching, not the job.
    """
    from tensorfleet.cli.fleet_client import open_client

    with open_client() as client:
        follow_job(client, client.job(job), as_json=as_json)


def logs(
    job: JobId,
    *,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on until the job ends.")
    ] = False,
    task: Annotated[
        str, typer.Option("--task", help="Only this task; needed only for jobs of several.")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Print what a job's processes wrote."""
    from tensorfleet.cli.fleet_client import open_client
    from tensorfleet.cli.terminal import print_json
    from tensorfleet.shared.rest.events import LogEvent

    with open_client() as client:
        found = client.job(job)
        events: Iterable[Event] = client.events(job)
        if not follow and not found.is_terminal:
            events = _until_now(events)
        for event in events:
            if not isinstance(event, LogEvent) or (task and event.task_id != task):
                continue
            if as_json:
                print_json(event, is_line=True)
            else:
                for line in event.lines:
                    typer.echo(line, err=event.stream == "stderr")


def follow_job(client: "Client", job: "Job", *, as_json: bool) -> None:
    """Shows a job until it ends.

    Raises:
        typer.Exit: It did not succeed, or the user stopped watching.
    """
    from tensorfleet.cli.terminal import out, print_hint, print_json
    from tensorfleet.cli.watch_view import watch_job

    try:
        if as_json:
            state: str = job.state
            for event in client.events(job.id):
                print_json(event, is_line=True)
                state = getattr(event, "state", state) if not event.task_id else state
        else:
            state = watch_job(out(), job, client.events(job.id)).state
    except KeyboardInterrupt:
        print_hint(f"The job runs on. tensorfleet watch {job.id}   tensorfleet cancel {job.id}")
        raise typer.Exit(INTERRUPTED) from None
    if state != "succeeded":
        raise typer.Exit(FAILED)


def _until_now(events: "Iterable[Event]") -> "Iterator[Event]":
    """The events that there are already: up to a silence, or to one from after this call."""
    begun = datetime.now(UTC)
    arrived: queue.SimpleQueue[Event | BaseException | None] = queue.SimpleQueue()

    def read() -> None:
        try:
            for event in events:
                arrived.put(event)
            arrived.put(None)
        except Exception as exc:  # noqa: BLE001  raised again where it can be seen
            arrived.put(exc)

    threading.Thread(target=read, daemon=True).start()
    patience_seconds = FIRST_SECONDS
    while True:
        try:
            item = arrived.get(timeout=patience_seconds)
        except queue.Empty:
            return
        if isinstance(item, BaseException):
            raise item
        if item is None or item.time > begun:
            return
        patience_seconds = SILENCE_SECONDS
        yield item
