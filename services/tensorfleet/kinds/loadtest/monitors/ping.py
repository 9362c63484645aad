"""How long a way to a machine takes, without the rights that ICMP needs.

What is measured is a TCP handshake's time: one round trip through the network and the machine's
kernel, the way that the load itself goes. A refused connection is an answer as well. It is not
measured against an SSH port, whose server logs and limits connections that do not log in; a machine
that is watched by SSH is asked over that connection instead.
"""

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter
from urllib.parse import urlsplit

from tensorfleet.kinds.loadtest.monitors.grid import moments
from tensorfleet.kinds.loadtest.spec import Monitor
from tensorfleet.shared.errors import InvalidInput

NO_PING = "-"
DEFAULT_PORT = 80
TIMEOUT_SECONDS = 5.0
_ADDRESS = re.compile(r"(\[[^\]\s]+\]|[^:\s\[\]/]+)(?::(\d{1,5}))?")


@dataclass(frozen=True, slots=True)
class PingAddress:
    """Where to."""

    host: str
    port: int


def ping_address(monitor: Monitor) -> PingAddress | None:
    """Where a monitor's ping goes: what it names ("host" or "host:port"; without a port 80), or
    the node exporter itself; None: nowhere.

    Raises:
        InvalidInput: `ping` is no address.
    """
    if monitor.ping == NO_PING:
        return None
    if not monitor.ping:
        return _exporter(monitor.prometheus)
    match = _ADDRESS.fullmatch(monitor.ping)
    port = int(match[2] or DEFAULT_PORT) if match else 0
    if match is None or not 0 < port < 65536:
        raise InvalidInput(
            f"“{monitor.ping}” cannot be pinged. Write `ping` as host:port, or - for none."
        )
    return PingAddress(match[1].strip("[]"), port)


def _exporter(url: str) -> PingAddress | None:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:  # the source says what is wrong with it
        return None
    if not parts.hostname:
        return None
    return PingAddress(parts.hostname, port or (443 if parts.scheme == "https" else 80))


class Ping:
    """Measures at each moment; `take` gives what came since the last time."""

    def __init__(
        self,
        address: PingAddress,
        *,
        clock: Callable[[], float],
        interval_seconds: float,
        timeout_seconds: float = TIMEOUT_SECONDS,
    ) -> None:
        self._address = address
        self._clock = clock
        self._interval_seconds = interval_seconds
        self._timeout_seconds = timeout_seconds
        self._newest: float | None = None

    def take(self) -> float | None:
        """The newest round trip in seconds, once."""
        newest, self._newest = self._newest, None
        return newest

    async def measure(self, problem: Callable[[str], None]) -> None:
        """Measures until it is cancelled."""
        async for _ in moments(self._clock, self._interval_seconds):
            try:
                async with asyncio.timeout(self._timeout_seconds):
                    self._newest = await round_trip_seconds(self._address)
            except OSError as exc:
                why = (
                    f"no answer within {self._timeout_seconds:g} s"
                    if isinstance(exc, TimeoutError)
                    else exc.strerror
                )
                problem(
                    f"{self._address.host}:{self._address.port} cannot be pinged by TCP ({why}). "
                    "Name another `ping`, or - for none."
                )


async def round_trip_seconds(address: PingAddress) -> float:
    """A TCP handshake's time.

    Raises:
        OSError: There was none.
    """
    # A name's resolution is not part of the way.
    found = await asyncio.get_running_loop().getaddrinfo(address.host, address.port)
    host = str(found[0][4][0])
    started = perf_counter()
    try:
        _, writer = await asyncio.open_connection(host, address.port)
    except ConnectionRefusedError:
        return perf_counter() - started
    took = perf_counter() - started
    writer.close()
    await writer.wait_closed()
    return took
