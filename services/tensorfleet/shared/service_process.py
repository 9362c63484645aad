"""The life of a service process: event loop, signals, exit status."""

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable

import structlog
import uvloop

log = structlog.get_logger(__name__)

Serve = Callable[[asyncio.Event], Awaitable[None]]


def run_service(serve: Serve) -> None:
    """Runs `serve(stop)` until it returns, and exits.

    The first SIGTERM or SIGINT sets `stop`; a second one means now. An exception takes the process
    down with status 1 after it is logged.
    """

    async def main() -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()

        def on_signal() -> None:
            if stop.is_set():
                os._exit(1)
            log.info("stop requested")
            stop.set()

        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, on_signal)
        await serve(stop)

    try:
        uvloop.run(main())
    except Exception:
        log.exception("service failed")
        sys.exit(1)
