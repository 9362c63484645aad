"""`tensorfleet workers`, `drain` and `undrain`."""

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from tensorfleet.shared.machine_sample import MachineSample

WorkerId = Annotated[str, typer.Argument(metavar="WORKER", help="Id of the worker.")]
AsJson = Annotated[bool, typer.Option("--json", help="Answer in JSON.")]


def workers(*, as_json: AsJson = False) -> None:
    """List the workers: what they have, what they do."""
    from tensorfleet.cli.fleet_client import open_client
    from tensorfleet.cli.job_tables import plain_table
    from tensorfleet.cli.terminal import out, print_hint, print_json
    from tensorfleet.cli.words import ago, size, state_text, until

    with open_client() as client:
        found = client.workers()
    if as_json:
        print_json({"workers": found})
        return
    if not found:
        print_hint("No worker has attached yet.")
        return
    table = plain_table(
        "worker", "state", "tasks", "cpus", "busy", "memory", "used", "gpus", "host", "seen"
    )
    for worker in found:
        capacity = worker.capacity
        state = state_text(worker.state)
        if worker.quarantine_end_time is not None:
            state.append(f" ends {until(worker.quarantine_end_time)}", "dim")
        table.add_row(
            worker.id,
            state,
            f"{len(worker.running_task_ids)}/{worker.slots}",
            f"{capacity.cpus:g}",
            _busy(worker.usage),
            size(capacity.memory_bytes),
            _used(worker.usage),
            f"{capacity.gpus} {capacity.gpu_kind}".strip(),
            worker.hostname,
            ago(worker.last_seen_time),
        )
    out().print(table)


def _busy(usage: "MachineSample | None") -> str:
    """How busy the machine's cores are; empty when nobody knows."""
    share = usage.cpu_busy if usage else None
    return "" if share is None else f"{share:.0%}"


def _used(usage: "MachineSample | None") -> str:
    """How much of the machine's memory is in use; empty when nobody knows."""
    if usage is None or usage.memory_used_bytes is None or not usage.memory_total_bytes:
        return ""
    return f"{usage.memory_used_bytes / usage.memory_total_bytes:.0%}"


def drain(worker: WorkerId, *, as_json: AsJson = False) -> None:
    """Give a worker no new task; those that it has finish."""
    from tensorfleet.cli.fleet_client import open_client
    from tensorfleet.cli.terminal import done, out, print_hint, print_json

    with open_client() as client:
        found = client.drain_worker(worker)
    if as_json:
        print_json(found)
        return
    running = len(found.running_task_ids)
    left = f"{running} of its tasks run on" if running else "nothing runs on it"
    out().print(done(found.id, f"takes no new task; {left}"))
    print_hint(f"Back to work: tensorfleet undrain {found.id}")


def undrain(worker: WorkerId, *, as_json: AsJson = False) -> None:
    """Let a worker take tasks again; ends a quarantine, too."""
    from tensorfleet.cli.fleet_client import open_client
    from tensorfleet.cli.terminal import done, out, print_json

    with open_client() as client:
        found = client.resume_worker(worker)
    if as_json:
        print_json(found)
    else:
        out().print(done(found.id, f"is {found.state}"))
