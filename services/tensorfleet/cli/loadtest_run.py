"""Runs a load test on this machine, and ends it well when it is interrupted."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tensorfleet.cli.loadtest_interrupt import interruptible
from tensorfleet.shared.errors import InvalidInput

if TYPE_CHECKING:
    from tensorfleet.kinds.loadtest.listener import Listener, Watch
    from tensorfleet.kinds.loadtest.record import Document
    from tensorfleet.kinds.loadtest.spec import Spec


def run_here(
    spec: "Spec", config: dict[str, Any], folder: Path, listener: "Listener"
) -> "Document":
    """Runs a load test; returns when it has ended.

    The first Ctrl-C ends the running point, and what ran is returned, marked as interrupted; the
    second leaves at once.

    Args:
        config: Is written into the document, without literal secrets.
        folder: Where files are that the spec names.

    Raises:
        KeyboardInterrupt: It was interrupted twice, or before anything ran.
        TensorFleetError: The target cannot be used, or the spec is wrong.
    """
    import uvloop

    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as loop:
            return loop.run(_run(spec, config, folder, listener))
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None


async def _run(
    spec: "Spec", config: dict[str, Any], folder: Path, listener: "Listener"
) -> "Document":
    from tensorfleet.kinds.loadtest.campaign.campaign import conduct
    from tensorfleet.kinds.loadtest.crew.local import local_crew
    from tensorfleet.kinds.loadtest.reporting.redaction import without_secrets

    stop = asyncio.Event()
    with interruptible(stop, listener.note) as has_begun:
        async with local_crew(spec, folder) as runner:
            has_begun()
            watch = _watch(spec, folder, runner.clock)
            return await conduct(
                spec, runner, watch, listener, config=without_secrets(config), stop=stop
            )


def _watch(spec: "Spec", folder: Path, clock: Callable[[], float]) -> "Watch | None":
    if not spec.monitors:
        return None
    if fleet := next((monitor for monitor in spec.monitors if monitor.worker), None):
        raise InvalidInput(
            f"monitor {fleet.alias!r}: workers of the fleet are watched by jobs only; submit it"
        )
    from tensorfleet.kinds.loadtest.engine.placeholders import secrets_of
    from tensorfleet.kinds.loadtest.monitors.machines import machines_watch

    return machines_watch(spec, clock, folder, secrets=secrets_of(folder))
