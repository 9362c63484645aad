"""A job's events as server-sent events."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Annotated, Any

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath, HeaderParameter, QueryParameter, SkipValidation
from litestar.response import Stream

from tensorfleet.gateway.convert.jobs import to_job
from tensorfleet.gateway.event_source import watch_events
from tensorfleet.gateway.event_stream import Batches, event_frames
from tensorfleet.gateway.http_metrics import HttpMetrics
from tensorfleet.gateway.problems import problem_responses
from tensorfleet.gateway.upstreams import Upstreams
from tensorfleet.orchestrator.v1 import event_pb2, job_service_pb2
from tensorfleet.shared.errors import InvalidInput, Unavailable
from tensorfleet.shared.rest import events

MAX_SEQUENCE = 2**63 - 1

LastEventId = Annotated[
    int | None,
    HeaderParameter(
        name="Last-Event-ID",
        required=False,
        ge=0,
        description="The last event that the reader has; goes before `after`.",
    ),
]
After = Annotated[
    int,
    QueryParameter(ge=0, description="Only events with a higher sequence number; 0: all"),
]


@dataclass(frozen=True)
class EventStreaming:
    """What event streams share."""

    keep_alive_seconds: float
    stopping: asyncio.Event
    """Set when the gateway stops; every stream then ends."""
    metrics: HttpMetrics
    first_answer_seconds: float = 5.0
    """How long an ended job's events may take until it is known whether the reader lacks any."""


@get(
    "/api/v1/jobs/{job_id:str}/events",
    tags=["jobs"],
    summary="Follow a job's events",
    media_type="text/event-stream",
    opt={"uncompressed": True},
    responses={
        **problem_responses(400, 401, 404, 503),
        200: ResponseSpec(
            events.Event,
            generate_examples=False,
            media_type="text/event-stream",
            description="Frames with such an event as `data`",
        ),
        204: ResponseSpec(None, description="The reader has the terminal event already"),
    },
)
async def follow_events(
    job_id: FromPath[str],
    upstreams: NamedDependency[SkipValidation[Upstreams]],
    streaming: NamedDependency[SkipValidation[EventStreaming]],
    last_event_id: LastEventId = None,
    after: After = 0,
) -> Response[Any]:
    """Every event of a job, then those to come, as server-sent events.

    `id` is the sequence number, `event` the type, `data` the event in JSON. The stream ends after
    the event that is terminal. A reader that has that one already gets 204, so that an EventSource
    stops.
    """
    after_sequence = after if last_event_id is None else last_event_id
    if after_sequence > MAX_SEQUENCE:
        raise InvalidInput("Last-Event-ID and after must be below 2^63")
    answer = await upstreams.jobs.GetJob(job_service_pb2.GetJobRequest(job_id=job_id))
    has_ended = to_job(answer.job).is_terminal
    batches = watch_events(upstreams.jobs, job_id, after_sequence, has_ended=has_ended)
    if has_ended:
        try:
            async with asyncio.timeout(streaming.first_answer_seconds):
                first = await anext(batches)
        except StopAsyncIteration:
            return Response(None, status_code=204)
        except TimeoutError as exc:
            raise Unavailable("the job's events do not come now; try again") from exc
        batches = _with_first(first, batches)
    return Stream(
        _counted(batches, streaming),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-cache, no-transform", "X-Accel-Buffering": "no"},
    )


async def _with_first(first: Sequence[event_pb2.Event], batches: Batches) -> Batches:
    yield first
    try:
        async for batch in batches:
            yield batch
    finally:
        await batches.aclose()


async def _counted(batches: Batches, streaming: EventStreaming) -> AsyncIterator[bytes]:
    frames = event_frames(batches, streaming.keep_alive_seconds, streaming.stopping)
    with streaming.metrics.event_streams.track_inprogress():
        async with aclosing(frames):
            async for frame in frames:
                yield frame
