"""Waiting in tests: for a claim to become true, never for time to pass."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from inspect import isawaitable

POLL_SECONDS = 0.02


async def eventually(
    claim: Callable[[], bool | Awaitable[bool]], *, timeout_seconds: float = 10.0
) -> None:
    """Returns once the claim holds.

    Raises:
        AssertionError: It did not hold in time.
    """
    deadline = time.monotonic() + timeout_seconds
    while True:
        holds = claim()
        if await holds if isawaitable(holds) else holds:
            return
        if time.monotonic() > deadline:
            raise AssertionError(f"not true within {timeout_seconds:g} s: {claim}")
        await asyncio.sleep(POLL_SECONDS)
