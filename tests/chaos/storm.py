"""A storm: a cast under load, whatever the test breaks meanwhile, and the verdict."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.chaos.cast import Cast
from tests.chaos.load import Load, logged_in
from tests.chaos.verdict import nothing_was_lost

# Set by `make chaos`.
IS_LONG = "CHAOS_SECONDS" in os.environ
STORM_SECONDS = float(os.environ.get("CHAOS_SECONDS", "10"))
SEED = int(os.environ.get("CHAOS_SEED", "1"))
JOBS_PER_SECOND = 3.0
# Before something breaks and after all is whole again.
CALM_SECONDS = 0.5


@asynccontextmanager
async def storm(
    cast: Cast, folder: Path, *, jobs_per_second: float = JOBS_PER_SECOND, seed: int = SEED
) -> AsyncIterator[Load]:
    """Load while the block runs; then everybody is brought back, and nothing may be lost.

    A failure carries what was done, and the ends of all logs.
    """
    cast.begin_story()
    try:
        await cast.heal()
        async with logged_in(cast.gateway_urls) as clients:
            traces = folder / "traces"
            traces.touch()
            load = Load(clients=clients, seed=seed, traces=traces)
            stop = asyncio.Event()
            async with asyncio.TaskGroup() as group:
                group.create_task(load.run(jobs_per_second, stop))
                try:
                    await asyncio.sleep(CALM_SECONDS)
                    yield load
                    await cast.heal()
                    await asyncio.sleep(CALM_SECONDS)
                finally:
                    stop.set()
            await nothing_was_lost(cast, load)
    except BaseException as exc:
        exc.add_note(f"seed {seed}\n{cast.report()}")
        raise
    print(*cast.story, sep="\n")  # noqa: T201  shown by pytest -s, or when something fails later
