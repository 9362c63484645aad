"""A crew on one machine, for the command line."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from platform import node

from tensorfleet.kinds.loadtest.crew.crew import Crew
from tensorfleet.kinds.loadtest.crew.processes import GeneratorProcesses
from tensorfleet.kinds.loadtest.spec import Spec

_LOOPBACK = "127.0.0.1"
_JOIN_SECONDS = 60.0


@asynccontextmanager
async def local_crew(spec: Spec, folder: Path) -> AsyncIterator[Crew]:
    """`spec.processes` generators that have reached the target.

    Args:
        folder: Where files are that the spec names.

    Raises:
        Unavailable: The target cannot be reached.
        InvalidInput: The spec, or a file that it names, is wrong.
    """
    crew = Crew(spec, folder)
    processes = GeneratorProcesses()
    await crew.listen(_LOOPBACK)
    try:
        await processes.start(
            spec.processes, crew.host, crew.port, crew.token, node() or "here", folder
        )
        await processes.while_running(crew.gather(spec.processes, _JOIN_SECONDS))
        yield crew
    finally:
        await crew.close()
        await processes.end()
