"""What people see of a fleet that comes up, runs and stops."""

import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import msgspec
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from tensorfleet.cli.terminal import err
from tensorfleet.local import fleet_event as events
from tensorfleet.local.fleet_home import FleetHome

REFRESHES_PER_SECOND = 8


DescribeReady = Callable[[events.FleetReady], RenderableType]


class PlainFleetView:
    """One line for each thing that happens: for files, pipes and logs."""

    def __init__(self, console: Console, describe_ready: DescribeReady) -> None:
        self._console = console
        self._describe_ready = describe_ready

    def tell(self, event: events.FleetEvent) -> None:
        """Shows an event. Never fails: a closed terminal must not stop a fleet."""
        with suppress(OSError):
            self._show(event)

    def _show(self, event: events.FleetEvent) -> None:
        match event:
            case events.PartReady():
                self._console.print(
                    f"{event.part} ready after {event.seconds:.1f} s, port {event.port}"
                )
            case events.FleetReady():
                self._console.print(self._describe_ready(event))
            case _:
                print_line(self._console, event)


class LiveFleetView:
    """A table that changes until the fleet is up; from then on one line for each thing."""

    def __init__(self, console: Console, describe_ready: DescribeReady) -> None:
        self._console = console
        self._describe_ready = describe_ready
        self._table = StartTable()
        self._live: Live | None = None

    def tell(self, event: events.FleetEvent) -> None:
        """Shows an event. Never fails: a closed terminal must not stop a fleet."""
        with suppress(OSError):
            self._show(event)

    def _show(self, event: events.FleetEvent) -> None:
        self._table.take(event)
        match event:
            case events.FleetStarting():
                self._live = Live(
                    self._table, console=self._console, refresh_per_second=REFRESHES_PER_SECOND
                )
                self._live.start()
            case events.FleetReady():
                self._end_table()
                self._console.print(self._describe_ready(event))
            case events.FleetFailed() | events.FleetStopping():
                self._end_table()
                print_line(self._console, event)
            case events.PartReady() if self._live is None:
                mark, spent = ("✔ ", "green"), (f" ({event.seconds:.1f} s)", "dim")
                self._console.print(_stamped(mark, f"{event.part} is back", spent))
            case _:
                print_line(self._console, event)

    def _end_table(self) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None


class StartTable:
    """The parts of a fleet while it comes up; rich asks for it again and again."""

    def __init__(self) -> None:
        self._begun: dict[str, float] = {}
        self._ready: dict[str, events.PartReady] = {}
        self._parts: list[str] = []
        self._spinner = Spinner("dots", style="cyan")

    def take(self, event: events.FleetEvent) -> None:
        """Takes an event in."""
        match event:
            case events.FleetStarting():
                self._parts = event.parts
            case events.PartStarting():
                self._begun[event.part] = time.monotonic()
            case events.PartReady():
                self._ready[event.part] = event
            case events.PartEnded():
                self._begun.pop(event.part, None)
                self._ready.pop(event.part, None)

    def __rich__(self) -> RenderableType:
        table = Table(box=None, padding=(0, 2, 0, 0), show_header=False)
        table.add_column(width=1)
        table.add_column(min_width=max((len(part) for part in self._parts), default=0))
        table.add_column(min_width=8)
        table.add_column(justify="right", style="dim")
        table.add_column(style="dim")
        for part in self._parts:
            table.add_row(*self._row(part))
        return table

    def _row(self, part: str) -> tuple[RenderableType, ...]:
        if ready := self._ready.get(part):
            seconds = f"{ready.seconds:.1f} s"
            return Text("✔", "green"), Text(part), Text("ready"), seconds, f":{ready.port}"
        if part in self._begun:
            seconds = f"{time.monotonic() - self._begun[part]:.1f} s"
            return self._spinner, Text(part), Text("starting", "cyan"), seconds, ""
        return Text("·", "dim"), Text(part, "dim"), Text("waiting", "dim"), "", ""


def fleet_view(console: Console, describe_ready: DescribeReady) -> LiveFleetView | PlainFleetView:
    """The view that fits where the console writes to."""
    view = LiveFleetView if console.is_terminal else PlainFleetView
    return view(console, describe_ready)


def print_line(console: Console, event: events.FleetEvent) -> None:
    """One line, or none, about an event."""
    match event:
        case events.Notice():
            console.print(Text.assemble(("! ", "yellow"), event.text))
        case events.PartEnded():
            how = f"{event.part} {event.how}; "
            again = f"starting it again in {event.restart_seconds:g} s"
            console.print(_stamped(("! ", "yellow"), how + again))
            for line in event.log_tail.splitlines():
                console.print(Text(f"    {line}", "dim"), soft_wrap=True)
        case events.FleetFailed():
            err().print(Text(f"The fleet did not come up: {event.message}", "red"), soft_wrap=True)
        case events.FleetStopping():
            hint = ("  Ctrl-C again: at once.", "dim")
            console.print(Text.assemble("Stopping: workers, services, stores.", hint))
        case events.FleetStopped():
            spent = (f" ({event.seconds:.1f} s)", "dim")
            console.print(Text.assemble(("✔ ", "green"), "Stopped", spent))


def ready_panel(
    event: events.FleetReady, *, console: Console, home: FleetHome, is_detached: bool
) -> RenderableType:
    """Where everything is, and what to do next."""
    places = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    places.add_column(style="dim", no_wrap=True)
    places.add_column(overflow="fold")
    places.add_row("Gateway", Text(event.url, "bold cyan"))
    places.add_row("API docs", Text(event.docs_url, "cyan"))
    places.add_row("Dashboard", Text(event.dashboard_url, "cyan"))
    places.add_row("Log in as", _login(event, home))
    places.add_row("Data", Text(_short(home.root)))
    places.add_row("Logs", Text(_short(home.log_file("x").parent)))
    commands = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    commands.add_column(style="bold", no_wrap=True)
    commands.add_column(style="dim")
    commands.add_row("tensorfleet demo", "train, register and try a model")
    commands.add_row("tensorfleet submit job.yaml", "hand in a job of your own")
    commands.add_row("tensorfleet status", "health of every part")
    if is_detached:
        commands.add_row("tensorfleet down", "stop everything; data stays")
    else:
        commands.add_row("Ctrl-C", "stop everything; data stays")
    spent = (f" after {event.seconds:.1f} s", "dim")
    title = Text.assemble(("TensorFleet is up", "bold green"), spent)
    return Panel(
        Group(places, Text(), commands),
        title=title,
        title_align="left",
        border_style="green",
        padding=(1, 2),
        width=min(console.width, 100),
    )


def _login(event: events.FleetReady, home: FleetHome) -> RenderableType:
    file = _short(home.credentials_file)
    if not event.is_first_start:
        return Text.assemble("admin ", (f"(password in {file})", "dim"))
    password = msgspec.json.decode(home.credentials_file.read_bytes())["password"]
    return Text.assemble(
        "admin with the password ",
        (password, "bold"),
        (f"\nshown this once; it is also in {file}", "dim"),
    )


def _short(path: Path) -> str:
    """A path as people write it."""
    try:
        return f"~/{path.relative_to(Path.home())}"
    except (ValueError, RuntimeError):
        return str(path)


def _stamped(*pieces: str | tuple[str, str]) -> Text:
    return Text.assemble((f"{time.strftime('%H:%M:%S')} ", "dim"), *pieces)
