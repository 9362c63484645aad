"""Why a job waits, for people."""

from datetime import datetime

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from tensorfleet.cli.words import clock_time, state_text, until
from tensorfleet.shared.rest.job_changes import Explanation
from tensorfleet.shared.rest.jobs import TERMINAL_JOB_STATES


def explanation_view(explanation: Explanation, now: datetime | None = None) -> RenderableType:
    """The job's state and place, what stands in its way, and when it may start."""
    facts = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    facts.add_column(style="dim", no_wrap=True)
    facts.add_column(overflow="fold")
    facts.add_row("job", Text(explanation.job_id, "bold"))
    facts.add_row("state", state_text(explanation.state))
    if _waits(explanation):
        facts.add_row("place", _place(explanation.queue_position))
        facts.add_row("may start", _start(explanation, now))
    return Group(facts, Text(), _blockers(explanation))


def _waits(explanation: Explanation) -> bool:
    if explanation.state in TERMINAL_JOB_STATES:
        return False
    return explanation.state != "running" or bool(explanation.blockers)


def _place(ahead: int) -> str:
    if ahead == 0:
        return "next in its queue"
    return f"{ahead:,} {'task goes' if ahead == 1 else 'tasks go'} before it"


def _start(explanation: Explanation, now: datetime | None) -> str:
    time = explanation.estimated_start_time
    if time is None:
        return "cannot be told"
    return f"{until(time, now)}, at {clock_time(time)}"


def _blockers(explanation: Explanation) -> RenderableType:
    if not _waits(explanation):
        return Text(_what_it_does(explanation))
    if not explanation.blockers:
        return Text("Nothing stands in its way; it starts as soon as a worker takes it.")
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column("blocked by", no_wrap=True)
    table.add_column("what would help", overflow="fold")
    for blocker in explanation.blockers:
        table.add_row(Text(blocker.reason, "yellow"), Text(blocker.message))
    return table


def _what_it_does(explanation: Explanation) -> str:
    if explanation.state == "running":
        return "It does not wait: its tasks run."
    return f"It does not wait: it has ended. tensorfleet show {explanation.job_id}"
