"""Waiting until a child really answers."""

import asyncio
from collections.abc import Awaitable, Callable

from tensorfleet.local.child_process import ChildProcess
from tensorfleet.local.errors import ServerStartFailed
from tensorfleet.local.free_ports import is_listening

POLL_SECONDS = 0.02


async def wait_until_answering(
    process: ChildProcess,
    probe: Callable[[], Awaitable[bool]],
    *,
    listens_on: int,
    not_yet: tuple[type[Exception], ...],
    timeout_seconds: float,
) -> None:
    """Returns once the probe says true; the child is left as it is when that fails.

    Args:
        process: The child that should answer.
        probe: Asks it. It says false, or raises one of `not_yet`, as long as it is not ready.
        listens_on: The child's port. The probe runs only once the child itself listens there, so
            that another server's answer is not taken for the child's.
        not_yet: What the probe raises while the child is starting.
        timeout_seconds: How long to ask.

    Raises:
        ServerStartFailed: The child ended, or the time was up.
    """
    last_problem: object = f"it does not listen on port {listens_on}"
    try:
        async with asyncio.timeout(timeout_seconds):
            while process.returncode is None:
                if is_listening(process.pid, listens_on):
                    try:
                        if await probe():
                            return
                    except not_yet as exc:
                        last_problem = exc
                await asyncio.sleep(POLL_SECONDS)
    except TimeoutError:
        raise ServerStartFailed(
            f"{process.command.name} did not answer within {timeout_seconds:g} s "
            f"({last_problem}). {_log_ending(process)}"
        ) from None
    raise ServerStartFailed(
        f"{process.command.name} ended with status {process.returncode} while starting. "
        f"{_log_ending(process)}"
    )


def _log_ending(process: ChildProcess) -> str:
    return f"The end of {process.command.log_path}:\n{process.log_tail()}"
