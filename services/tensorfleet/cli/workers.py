"""`tensorfleet workers`."""

from typing import Annotated

import typer


def workers(
    *, as_json: Annotated[bool, typer.Option("--json", help="Answer in JSON.")] = False
) -> None:
    """List the workers: what they have, what they do."""
    from tensorfleet.cli.fleet_client import open_client
    from tensorfleet.cli.job_tables import plain_table
    from tensorfleet.cli.terminal import out, print_hint, print_json
    from tensorfleet.cli.words import ago, size, state_text

    with open_client() as client:
        found = client.workers()
    if as_json:
        print_json({"workers": found})
        return
    if not found:
        print_hint("No worker has attached yet.")
        return
    table = plain_table("worker", "state", "tasks", "cpus", "memory", "gpus", "host", "seen")
    for worker in found:
        capacity = worker.capacity
        table.add_row(
            worker.id,
            state_text(worker.state),
            f"{len(worker.running_task_ids)}/{worker.slots}",
            f"{capacity.cpus:g}",
            size(capacity.memory_bytes),
            f"{capacity.gpus} {capacity.gpu_kind}".strip(),
            worker.hostname,
            ago(worker.last_seen_time),
        )
    out().print(table)
