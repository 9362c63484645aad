"""A reader of one job's events by SSE, which goes on at another gateway when one ends."""

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass, field

import httpx
import msgspec

from tensorfleet.shared.rest.events import Event, LogEvent

SILENCE_SECONDS = 20.0
PAUSE_SECONDS = (0.05, 0.2)

_decoder: msgspec.json.Decoder[Event] = msgspec.json.Decoder(Event)


@dataclass(kw_only=True)
class EventStreamReader:
    """Reads until the terminal event, over as many connections as it takes."""

    clients: Sequence[httpx.AsyncClient]
    """Of each gateway."""
    job_id: str
    events: list[Event] = field(default_factory=list)
    connections: int = 0

    @property
    def lines(self) -> list[str]:
        """Everything that the job wrote."""
        return [line for e in self.events if isinstance(e, LogEvent) for line in e.lines]

    async def read(self) -> None:
        """Returns after the terminal event."""
        while not (self.events and self.events[-1].is_terminal):
            client = self.clients[self.connections % len(self.clients)]
            self.connections += 1
            try:
                await self._read_once(client)
            except httpx.TransportError:
                await asyncio.sleep(random.uniform(*PAUSE_SECONDS))  # noqa: S311  no secret

    async def _read_once(self, client: httpx.AsyncClient) -> None:
        last = self.events[-1].sequence if self.events else 0
        path = f"/api/v1/jobs/{self.job_id}/events"
        headers = {"Last-Event-ID": str(last)}
        async with client.stream("GET", path, headers=headers, timeout=SILENCE_SECONDS) as answer:
            if answer.status_code != httpx.codes.OK:
                await asyncio.sleep(random.uniform(*PAUSE_SECONDS))  # noqa: S311  no secret
                return
            async for line in answer.aiter_lines():
                if line.startswith("data: "):
                    self.events.append(_decoder.decode(line.removeprefix("data: ")))
