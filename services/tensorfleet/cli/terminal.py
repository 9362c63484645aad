"""Where the command line writes: consoles for people, JSON for scripts."""

import sys
from functools import cache
from typing import Any

import msgspec
from rich.console import Console

# Of a table in a file or pipe; nobody's window cuts it there.
PIPE_WIDTH = 200


@cache
def out() -> Console:
    """Standard output, for what was asked for."""
    return Console(width=None if sys.stdout.isatty() else PIPE_WIDTH, highlight=False)


@cache
def err() -> Console:
    """Standard error, for what went wrong and what to do next."""
    return Console(stderr=True, width=None if sys.stderr.isatty() else PIPE_WIDTH, highlight=False)


def print_error(message: str) -> None:
    """One red line on standard error; further lines of the message follow as they are."""
    first, _, rest = message.partition("\n")
    err().print("[bold red]error:[/]", end=" ", soft_wrap=True)
    err().print(first, markup=False, style="red", soft_wrap=True)
    if rest:
        err().print(rest, markup=False, soft_wrap=True)


def print_hint(message: str) -> None:
    """A line about what to do next, on standard error so that it is in nobody's data."""
    err().print(message, style="dim", markup=False, soft_wrap=True)


def print_json(value: Any, *, is_line: bool = False) -> None:
    """A JSON document on standard output; as one line for streams."""
    encoded = msgspec.json.encode(value)
    if not is_line:
        encoded = msgspec.json.format(encoded, indent=2)
    sys.stdout.write(encoded.decode() + "\n")
    sys.stdout.flush()
