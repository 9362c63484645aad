"""A job's events as they come, over as many connections as it takes."""

import time
from collections.abc import Iterator
from urllib.parse import quote

import httpx
import msgspec

from tensorfleet.sdk.connection import Connection
from tensorfleet.shared import errors
from tensorfleet.shared.rest.events import Event

# The gateway gives a sign of life every 15 seconds; after three that did not come it is gone.
SILENCE_SECONDS = 45.0
KEEP_ALIVE_SECONDS = 15.0
PATIENCE_SECONDS = 120.0
PAUSE_SECONDS = 0.5

_decoder: "msgspec.json.Decoder[Event]" = msgspec.json.Decoder(Event)


class EventReader:
    """Reads a job's events after a sequence number, without gaps and without repeats."""

    def __init__(
        self,
        connection: Connection,
        job_id: str,
        *,
        after: int = 0,
        deadline: float | None = None,
        patience_seconds: float = PATIENCE_SECONDS,
    ) -> None:
        """Opens nothing yet.

        Args:
            deadline: By `time.monotonic`; None means no limit.
            patience_seconds: How long the gateway may be away before the reader gives up.
        """
        self._connection = connection
        self._path = f"/api/v1/jobs/{quote(job_id, safe='')}/events"
        self._last = after
        self._deadline = deadline
        self._patience_seconds = patience_seconds
        self._has_ended = False

    def read(self) -> Iterator[Event]:
        """Every event, old ones first, until the terminal one.

        Raises:
            JobNotFound: No such job.
            DeadlineExceeded: The job did not end before the deadline.
            Unavailable: The gateway was away for too long.
        """
        lost_at: float | None = None
        while not self._has_ended:
            progress = self._last
            try:
                yield from self._read_once()
            except errors.Unavailable as exc:
                problem: errors.TensorFleetError = exc
            else:
                problem = errors.Unavailable("the gateway ended the stream of events")
            if self._has_ended:
                return
            self._check_deadline()
            now = time.monotonic()
            lost_at = now if lost_at is None or self._last > progress else lost_at
            if now - lost_at > self._patience_seconds:
                raise problem
            time.sleep(self._at_most(PAUSE_SECONDS))

    def _read_once(self) -> Iterator[Event]:
        """The events of one connection."""
        headers = {"Accept": "text/event-stream"}
        if self._last:
            headers["Last-Event-ID"] = str(self._last)
        silence_seconds = self._at_most(SILENCE_SECONDS)
        is_last = False
        with self._connection.stream(self._path, headers, silence_seconds) as answer:
            if answer.status_code == httpx.codes.NO_CONTENT:
                self._has_ended = True  # the terminal event was among those before
                return
            for chunk in split_frames(answer.iter_bytes()):
                event = self._take(chunk)
                if event is not None:
                    is_last = event.is_terminal  # unless the job was retried; the stream tells
                    yield event
                if self._must_renew(silence_seconds):
                    return
            self._has_ended = is_last

    def _take(self, frame: bytes) -> Event | None:
        """The event of a frame; None for signs of life, repeats and what only newer ones know."""
        sequence, data = parse_frame(frame)
        if sequence is None or sequence <= self._last:
            return None
        self._last = sequence
        try:
            return _decoder.decode(data)
        except msgspec.ValidationError:
            return None

    def _at_most(self, seconds: float) -> float:
        if self._deadline is None:
            return seconds
        return max(0.05, min(seconds, self._deadline - time.monotonic()))

    def _must_renew(self, silence_seconds: float) -> bool:
        """Whether the connection would sleep past the deadline, when nothing came any more."""
        self._check_deadline()
        return self._at_most(SILENCE_SECONDS) < min(silence_seconds, KEEP_ALIVE_SECONDS) - 1

    def _check_deadline(self) -> None:
        if self._deadline is not None and time.monotonic() >= self._deadline:
            raise errors.DeadlineExceeded("the job did not end in time; it goes on")


def split_frames(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Frames of an event stream, without the empty line that ends each.

    By hand, on bytes: httpx's lines also end at characters that may stand within JSON (U+2028).
    """
    buffer = b""
    for chunk in chunks:
        buffer += chunk.replace(b"\r", b"")
        *frames, buffer = buffer.split(b"\n\n")
        yield from frames


def parse_frame(frame: bytes) -> tuple[int | None, bytes]:
    """Sequence number and data of a frame; a comment has neither."""
    sequence: int | None = None
    data: list[bytes] = []
    for line in frame.split(b"\n"):
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if name == b"id" and value.isdigit():
            sequence = int(value)
        elif name == b"data":
            data.append(value)
    return sequence, b"\n".join(data)
