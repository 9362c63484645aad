"""Watching a machine by its Prometheus node exporter."""

from collections.abc import Callable

import httpx

from tensorfleet.kinds.loadtest.monitors.grid import moments
from tensorfleet.kinds.loadtest.monitors.node_exporter import snapshot_of_page
from tensorfleet.kinds.loadtest.monitors.snapshot import Snapshot, sample_between
from tensorfleet.kinds.loadtest.monitors.source import SampleSink

TIMEOUT_SECONDS = 10.0
MOST_PAGE_BYTES = 16 * 1024 * 1024


class PageRefused(Exception):
    """There is no usable page; the message says why."""


class PrometheusSource:
    """A machine whose counters a node exporter serves.

    The exporter reads them when it is asked, so a sample's time is the middle of its request. A
    request that takes longer than an interval costs the samples in between.

    Args:
        url: May have a user and password; in problems stands `shown_url`.
    """

    def __init__(
        self,
        url: str,
        *,
        shown_url: str,
        clock: Callable[[], float],
        interval_seconds: float,
        process_names: tuple[str, ...] = (),
        timeout_seconds: float = TIMEOUT_SECONDS,
    ) -> None:
        self._url = url
        self._shown_url = shown_url
        self._clock = clock
        self._interval_seconds = interval_seconds
        self._process_names = process_names
        self._timeout_seconds = timeout_seconds

    async def watch(self, sink: SampleSink) -> None:
        """Samples until it is cancelled; goes on asking while nothing comes."""
        if self._process_names:
            sink.problem(
                "A node exporter tells nothing of single processes; watch the machine by `ssh` "
                "to see " + ", ".join(self._process_names) + "."
            )
        before: Snapshot | None = None
        timeout = httpx.Timeout(self._timeout_seconds)
        # No proxies of the environment: it reaches what the user named, and nothing else.
        async with httpx.AsyncClient(timeout=timeout, trust_env=False) as client:
            async for _ in moments(self._clock, self._interval_seconds):
                try:
                    after = await self._snapshot(client)
                except (httpx.HTTPError, httpx.InvalidURL, PageRefused, ValueError) as exc:
                    sink.problem(self._message(exc))
                    sink.settled()
                    before = None
                    continue
                if before is None:
                    sink.cores(len(after.cores))
                    sink.settled()
                else:
                    sink.add(sample_between(before, after, at=after.at))
                before = after

    async def _snapshot(self, client: httpx.AsyncClient) -> Snapshot:
        asked_at = self._clock()
        page = bytearray()
        async with client.stream("GET", self._url) as response:
            if response.status_code != httpx.codes.OK:
                raise PageRefused(f"it answered with status {response.status_code}")
            answered_at = self._clock()
            async for part in response.aiter_bytes():
                page += part
                if len(page) > MOST_PAGE_BYTES:
                    raise PageRefused(f"its page is larger than {MOST_PAGE_BYTES} bytes")
        return snapshot_of_page(page.decode(errors="replace"), at=(asked_at + answered_at) / 2)

    def _message(self, exc: Exception) -> str:
        match exc:
            case httpx.TimeoutException():
                why = f"no answer within {self._timeout_seconds:g} s"
            case httpx.InvalidURL() | httpx.UnsupportedProtocol():
                why = "it is no URL; write http://HOST:9100/metrics"
            case _:
                why = str(exc) or type(exc).__name__
        return (
            f"The metrics at {self._shown_url} cannot be read ({why}); trying again. Check the "
            "monitor's `prometheus`, and that a node exporter runs there."
        )
