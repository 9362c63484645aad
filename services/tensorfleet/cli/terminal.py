"""Where the command line writes: consoles for people, JSON for scripts."""

import sys
from functools import cache
from typing import Any

import msgspec
from rich.console import Console
from rich.text import Text

# Of a table in a file or pipe; nobody's window cuts it there.
PIPE_WIDTH = 200


@cache
def out() -> Console:
    """Standard output, for what was asked for."""
    return _console(is_error=False)


@cache
def err() -> Console:
    """Standard error, for what went wrong and what to do next."""
    return _console(is_error=True)


def done(text: str, aside: str = "") -> Text:
    """A line that says that something has been done."""
    return Text.assemble(("✔ ", "green"), text, (f" {aside}" if aside else "", "dim"))


def print_error(message: str) -> None:
    """One red line on standard error; further lines of the message follow as they are."""
    first, _, rest = message.partition("\n")
    err().print(Text.assemble(("error: ", "bold red"), (first, "red")), soft_wrap=True)
    if rest:
        err().print(rest, soft_wrap=True)


def print_hint(message: str) -> None:
    """A line about what to do next, on standard error so that it is in nobody's data."""
    err().print(message, style="dim", soft_wrap=True)


def print_json(value: Any, *, is_line: bool = False) -> None:
    """A JSON document on standard output; as one line for streams."""
    encoded = msgspec.json.encode(value)
    if not is_line:
        encoded = msgspec.json.format(encoded, indent=2)
    sys.stdout.write(encoded.decode() + "\n")
    sys.stdout.flush()


def _console(*, is_error: bool) -> Console:
    stream = sys.stderr if is_error else sys.stdout
    return Console(
        stderr=is_error,
        width=None if stream.isatty() else PIPE_WIDTH,
        # Names and messages of users go through here; "[red]" in them is just that.
        markup=False,
        emoji=False,
        highlight=False,
    )
