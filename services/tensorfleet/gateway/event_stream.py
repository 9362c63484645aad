"""Server-sent events: frames, signs of life, and an end when the gateway stops.

Format: https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from typing import Any

import msgspec
import structlog

from tensorfleet.gateway.convert.events import to_event
from tensorfleet.orchestrator.v1 import event_pb2
from tensorfleet.shared.errors import TensorFleetError

# How long a browser waits before it connects again.
_HELLO = b"retry: 1000\n\n"
_KEEP_ALIVE = b": keep-alive\n\n"
_BROKEN = b": the events do not come now; connect again\n\n"

Batches = AsyncGenerator[Sequence[event_pb2.Event], None]

log = structlog.get_logger(__name__)

_encoder = msgspec.json.Encoder()


def to_frame(event: event_pb2.Event) -> bytes:
    """An event as one frame; one that this version does not know only moves the reader's place."""
    shown = to_event(event)
    if shown is None:
        return b"id: %d\n\n" % event.sequence
    kind = type(shown).__struct_config__.tag
    return b"id: %d\nevent: %s\ndata: %s\n\n" % (
        event.sequence,
        str(kind).encode(),
        _encoder.encode(shown),
    )


async def event_frames(
    batches: Batches, keep_alive_seconds: float, stopping: asyncio.Event
) -> AsyncGenerator[bytes, None]:
    """The frames of a response, each batch as soon as it is there.

    Ends with the batches, or when `stopping` is set: the reader then connects to another replica
    with the last sequence number that it has.
    """
    stop: asyncio.Future[Any] = asyncio.ensure_future(stopping.wait())
    coming: asyncio.Future[Any] | None = None
    yield _HELLO
    try:
        while True:
            if coming is None:
                coming = asyncio.ensure_future(anext(batches))
                coming.add_done_callback(_mark_seen)
            await asyncio.wait(
                {coming, stop}, timeout=keep_alive_seconds, return_when=asyncio.FIRST_COMPLETED
            )
            if coming.done():
                events: Sequence[event_pb2.Event] = coming.result()
                coming = None
                yield b"".join(map(to_frame, events))
            elif stop.done():
                return
            else:
                yield _KEEP_ALIVE
    except StopAsyncIteration:
        return
    except TensorFleetError as exc:
        log.warning("event stream given up", problem=str(exc))
        yield _BROKEN
    finally:
        stop.cancel()
        # Nothing may wait here: when the reader has gone, each wait is cancelled again.
        if coming is not None and not coming.done():
            coming.cancel()  # unwinds the batches, too
        else:
            await batches.aclose()  # they stand at a yield, so this does not wait


def _mark_seen(future: asyncio.Future[Any]) -> None:
    """Keeps asyncio from warning of an error that came when nobody listened any more."""
    if not future.cancelled():
        future.exception()
