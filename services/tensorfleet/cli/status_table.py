"""The health of a fleet's parts as tables."""

from contextlib import suppress
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from tensorfleet.cli.job_tables import plain_table
from tensorfleet.cli.words import size, state_text
from tensorfleet.shared.rest.health import ComponentHealth, FleetHealth

if TYPE_CHECKING:
    from tensorfleet.local.fleet_record import FleetRecord

# What the gateway calls the stores, and what runs as them on one machine.
PROCESS_NAMES = {"redis": "valkey", "s3": "seaweedfs"}


def status_view(health: FleetHealth | None, record: "FleetRecord | None") -> RenderableType:
    """One line for each part: its health as the gateway tells it, its process if it is here."""
    if health is not None:
        headline = Text.assemble("The fleet is ", state_text(health.status))
    elif record is not None and record.url:
        headline = Text("The gateway does not answer", "red")
    else:
        headline = Text.assemble("The fleet is ", ("starting", "cyan"))
    if record is not None and record.url:
        headline.append(f"   {record.url}", "dim")
    components = {} if health is None else {part.name: part for part in health.components}
    if record is None:
        return Group(headline, Text(), _remote_table(components))
    return Group(headline, Text(), _local_table(components, record))


def _remote_table(components: dict[str, ComponentHealth]) -> Table:
    table = plain_table("part", "health", "latency", "")
    for part in components.values():
        table.add_row(
            part.name, state_text(part.status), f"{part.latency_ms:.1f} ms", _problem(part)
        )
    return table


def _local_table(components: dict[str, ComponentHealth], record: "FleetRecord") -> Table:
    by_process = {PROCESS_NAMES.get(name, name): part for name, part in components.items()}
    table = plain_table("part", "health", "pid", "port", "memory", "restarts", "")
    for part in record.parts:
        component = by_process.pop(part.name, None)
        health = component.status if component and part.state == "ready" else part.state
        table.add_row(
            part.name,
            state_text(health),
            str(part.pid or ""),
            str(part.port or ""),
            _memory(part.pid),
            str(part.restarts or ""),
            _problem(component),
        )
    for name, component in by_process.items():
        table.add_row(name, state_text(component.status), "", "", "", "", _problem(component))
    return table


def _problem(component: ComponentHealth | None) -> Text:
    return Text(component.message if component else "", "red")


def _memory(pid: int) -> str:
    import psutil

    with suppress(psutil.Error):
        if pid:
            return size(psutil.Process(pid).memory_info().rss)
    return ""
