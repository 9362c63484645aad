"""Whether the gateway answers, over HTTP.

The standard library's client in a thread: httpx would take 4 MiB for one small request.
"""

import asyncio
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from urllib.parse import urlsplit

from tensorfleet.shared.errors import InvalidInput, Unavailable

# Not /health: the gateway's own health asks monitoring.
PATH = "/health/live"
TIMEOUT_SECONDS = 2.0


async def ask_gateway(url: str) -> bool:
    """True when the gateway at `http://host:port` lives.

    Raises:
        Unavailable: It does not answer, or with an error.
    """
    return await asyncio.to_thread(_ask, url)


def _ask(url: str) -> bool:
    parts = urlsplit(url)
    connect = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    try:
        connection = connect(parts.netloc, timeout=TIMEOUT_SECONDS)
        try:
            connection.request("GET", parts.path.rstrip("/") + PATH)
            status = connection.getresponse().status
        finally:
            connection.close()
    except (OSError, HTTPException) as exc:
        raise Unavailable(f"{type(exc).__name__}: {exc}") from exc
    if status != 200:
        raise Unavailable(f"HTTP {status}")
    return True


def check_gateway_url(url: str) -> str:
    """The URL itself.

    Raises:
        InvalidInput: It is no http or https URL.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise InvalidInput(f"{url!r} is not the URL of a gateway; write http://host:port")
    return url
