"""A further process of the target app: `python -m ... HOST PORT`; says when it listens."""

import asyncio
import os
import sys

from tensorfleet.kinds.loadtest.cases.target import serve
from tensorfleet.shared.process_ties import die_with_parent


def main(arguments: list[str]) -> None:
    """Serves on a port that another process has chosen, until SIGTERM or that one's death."""
    host, port = arguments
    die_with_parent(os.getppid())
    serving = serve(host, int(port), shares_port=True, ready=_say)
    try:
        import uvloop
    except ImportError:
        asyncio.run(serving)
    else:
        uvloop.run(serving)


def _say(port: int) -> None:
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1:])
