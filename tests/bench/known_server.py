"""Servers whose answer times are known, for the benchmark of load tests.

Run as `python -m tests.bench.known_server MODE CORE [ARGUMENTS]`; prints its port.

- `exponential MEAN COUNT SEED`: the answer to /K comes after the K-th of COUNT random times.
- `stall PERIOD LENGTH`: answers at once, but in each PERIOD not at all for LENGTH seconds.
- `capacity RATE`: one after another, each taking 1/RATE seconds.
"""

import asyncio
import os
import sys
import time
from collections.abc import Callable

import numpy as np
import uvloop

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class KnownServer(asyncio.Protocol):
    """Answers each request after the seconds that `delay` gives for its number."""

    def __init__(self, delay: Callable[[int], float]) -> None:
        self._delay = delay

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio.Protocol."""
        self._transport = transport
        self._loop = asyncio.get_running_loop()

    def data_received(self, data: bytes) -> None:
        """See asyncio.Protocol."""
        path = data.split(b" ", 2)[1].lstrip(b"/")
        delay = self._delay(int(path) if path.isdigit() else 0)
        if delay <= 0:
            self._answer()
        else:
            self._loop.call_later(delay, self._answer)

    def _answer(self) -> None:
        self._transport.write(ANSWER)  # type: ignore[attr-defined]


def exponential_times(mean: float, count: int, seed: int) -> list[float]:
    """The times of the first mode, in seconds; never under 5 ms, where timers would count."""
    times = 0.005 + np.random.default_rng(seed).exponential(mean, count)
    return [float(value) for value in times]


def stalled(period: float, length: float) -> Callable[[int], float]:
    """Nothing is answered in the first `length` seconds of each `period` of the monotonic clock."""

    def delay(_number: int) -> float:
        return max(0.0, length - time.monotonic() % period)

    return delay


def one_after_another(rate: float) -> Callable[[int], float]:
    """A queue in front of one who serves at a fixed rate."""
    free_at = 0.0

    def delay(_number: int) -> float:
        nonlocal free_at
        now = time.monotonic()
        free_at = max(free_at, now) + 1.0 / rate
        return free_at - now

    return delay


def main() -> None:
    """Reads the command line."""
    mode, core, *numbers = sys.argv[1:]
    os.sched_setaffinity(0, {int(core)})
    if mode == "exponential":
        times = exponential_times(float(numbers[0]), int(numbers[1]), int(numbers[2]))
        delay: Callable[[int], float] = lambda number: times[number % len(times)]  # noqa: E731
    elif mode == "stall":
        delay = stalled(float(numbers[0]), float(numbers[1]))
    else:
        delay = one_after_another(float(numbers[0]))

    async def serve() -> None:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: KnownServer(delay), "127.0.0.1", 0, backlog=4096)
        print(server.sockets[0].getsockname()[1], flush=True)
        await server.serve_forever()

    uvloop.run(serve())


if __name__ == "__main__":
    main()
