"""What Ctrl-C does to a load test."""

import asyncio
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def interruptible(stop: asyncio.Event, note: Callable[[str], None]) -> Iterator[Callable[[], None]]:
    """Ctrl-C and SIGTERM set `stop`, and cancel the present task when that is not enough.

    Yields what to call once there is something to end well.
    """
    task = asyncio.current_task()
    loop = asyncio.get_running_loop()
    is_running = False

    def begun() -> None:
        nonlocal is_running
        is_running = True

    def interrupt() -> None:
        if is_running and not stop.is_set():
            stop.set()
            note("ends the running point and writes what ran; Ctrl-C again leaves at once")
        elif task is not None:
            task.cancel()

    signals = (signal.SIGINT, signal.SIGTERM)
    for number in signals:
        loop.add_signal_handler(number, interrupt)
    try:
        yield begun
    finally:
        for number in signals:
            loop.remove_signal_handler(number)
