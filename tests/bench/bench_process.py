"""The life of a benchmark's process, and of those that it starts: none outlives it."""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import uvloop

from tensorfleet.local.child_process import EXEC_CHILD, log_tail

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
STOP_GRACE_SECONDS = 60.0


def run_bench(bench: Callable[[], Awaitable[None]]) -> None:
    """Runs a benchmark to its end; a signal ends it early, with everything that it started."""

    async def main() -> None:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        assert task is not None
        for number in STOP_SIGNALS:
            loop.add_signal_handler(number, task.cancel)
        await bench()

    try:
        uvloop.run(main())
    except asyncio.CancelledError:
        sys.exit("stopped by a signal; there are no figures")


@asynccontextmanager
async def tied_process(
    *command: str | Path,
    environment: Mapping[str, str],
    log_path: Path,
    folder: Path | None = None,
    is_talkative: bool = False,
) -> AsyncIterator[Process]:
    """A process for as long as the block; the kernel kills it when this one is killed.

    Args:
        command: A program's path and its arguments.
        environment: All that it sees.
        log_path: Where its output goes; its end is told when it cannot be stopped politely.
        folder: Its working directory.
        is_talkative: Whether standard input and output are pipes instead.
    """
    log_path.parent.mkdir(parents=True, exist_ok=True)
    with log_path.open("ab") as log:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-I", "-S", str(EXEC_CHILD), str(os.getpid())),
            *map(str, command),
            stdin=PIPE if is_talkative else DEVNULL,
            stdout=PIPE if is_talkative else log,
            stderr=log,
            env=dict(environment),
            cwd=folder,
            start_new_session=True,
        )
    try:
        yield process
    except Exception as exc:
        exc.add_note(f"the end of {log_path.name}:\n{log_tail(log_path)}")
        raise
    finally:
        await _stop(process)


async def _stop(process: Process) -> None:
    try:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                process.terminate()
            with suppress(TimeoutError):
                async with asyncio.timeout(STOP_GRACE_SECONDS):
                    await process.wait()
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
