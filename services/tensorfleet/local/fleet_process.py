"""The process that supervises a fleet: its lock, its signals, its record."""

import asyncio
import signal
from contextlib import ExitStack

from tensorfleet import __version__
from tensorfleet.local.event_log import EventLog
from tensorfleet.local.fleet import Fleet, FleetOptions
from tensorfleet.local.fleet_event import FleetEvent, Tell
from tensorfleet.local.fleet_lock import fleet_locked
from tensorfleet.local.fleet_record import RecordKeeper

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def supervise(options: FleetOptions, tell: Tell) -> None:
    """Brings a fleet up and keeps it running until a signal; call it in the main thread.

    The first SIGINT, SIGTERM or SIGHUP stops the fleet politely; a further one kills what is left.

    Args:
        options: The fleet.
        tell: Told of everything that happens.

    Raises:
        FleetRunsAlready: The data folder has a fleet that runs.
        TensorFleetError: The fleet did not come up; nothing of it is left running.
        OSError: The data folder cannot be used.
    """
    options.home.prepare()
    with ExitStack() as stack:
        stack.enter_context(fleet_locked(options.home.lock_file))
        record = RecordKeeper(options.home.record_file, version=__version__, home=options.home.root)
        stack.callback(record.remove)
        log = EventLog(options.home.log_file("supervisor"))
        stack.callback(log.close)

        def tell_all(event: FleetEvent) -> None:
            record.tell(event)
            log.tell(event)
            tell(event)

        asyncio.run(_run(Fleet(options, tell_all)))


async def _run(fleet: Fleet) -> None:
    stop = asyncio.Event()

    def on_signal() -> None:
        if stop.is_set():
            fleet.kill()
        stop.set()

    loop = asyncio.get_running_loop()
    for number in STOP_SIGNALS:
        loop.add_signal_handler(number, on_signal)
    await fleet.run(stop)
