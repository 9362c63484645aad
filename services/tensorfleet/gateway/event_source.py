"""A job's events from the orchestrator, without gaps over broken streams."""

import asyncio
import random
from collections.abc import AsyncGenerator, Sequence
from typing import TYPE_CHECKING

import structlog

from tensorfleet.orchestrator.v1 import event_pb2, job_service_pb2
from tensorfleet.shared import errors
from tensorfleet.shared.grpc_errors import rpc_errors_translated

if TYPE_CHECKING:
    from tensorfleet.orchestrator.v1.job_service_pb2_grpc import JobServiceAsyncStub

# Breaks in a row, without an event in between, before the stream is given up.
MAX_BREAKS = 10
FIRST_PAUSE_SECONDS = 0.05
LONGEST_PAUSE_SECONDS = 2.0

_FINAL_ERRORS = (
    errors.NotFound,
    errors.InvalidInput,
    errors.Unauthenticated,
    errors.PermissionDenied,
    errors.Unimplemented,
)

log = structlog.get_logger(__name__)


def is_terminal(event: event_pb2.Event) -> bool:
    """Whether no event follows this one."""
    return event.WhichOneof("payload") == "job_state" and event.job_state.is_terminal


async def watch_events(
    jobs: "JobServiceAsyncStub", job_id: str, after_sequence: int, *, has_ended: bool
) -> AsyncGenerator[Sequence[event_pb2.Event], None]:
    """Every event after a sequence number, in order, then those to come; ends after the last.

    A broken stream is opened again after the last event that came.

    Args:
        has_ended: Whether the job had ended before: then a stream that ends by itself means that
            there is nothing more, and otherwise that the server goes away.

    Raises:
        JobNotFound: No such job.
        Unavailable: The stream broke ten times in a row.
    """
    last = after_sequence
    breaks = 0
    while True:
        request = job_service_pb2.WatchEventsRequest(job_id=job_id, after_sequence=last)
        call = jobs.WatchEvents(request)
        problem = "the stream ended before the job"
        try:
            with rpc_errors_translated():
                async for response in call:
                    events = [event for event in response.events if event.sequence > last]
                    if not events:
                        continue
                    last = events[-1].sequence
                    breaks = 0
                    yield events
                    if is_terminal(events[-1]):
                        return
            if has_ended:
                return
        except _FINAL_ERRORS:
            raise
        except errors.TensorFleetError as exc:
            problem = str(exc)
        finally:
            call.cancel()
        breaks += 1
        if breaks >= MAX_BREAKS:
            raise errors.Unavailable(f"the job's events do not come now ({problem}); try again")
        log.info("event stream broke", job_id=job_id, after_sequence=last, problem=problem)
        await asyncio.sleep(_pause_seconds(breaks))


def _pause_seconds(breaks: int) -> float:
    longest = min(FIRST_PAUSE_SECONDS * 2.0**breaks, LONGEST_PAUSE_SECONDS)
    return longest * random.uniform(0.5, 1.0)  # noqa: S311  jitter, not a secret
