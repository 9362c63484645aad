"""The process that works out results: started when it is needed, ended when it is not."""

import asyncio
import os
import sys
from asyncio.subprocess import PIPE, Process, SubprocessStreamProtocol
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass

import msgspec
import structlog

from tensorfleet.gateway.results.questions import (
    LENGTH_BYTES,
    Answer,
    Question,
    TaskRow,
    frame_head,
    from_refusal,
)
from tensorfleet.shared.errors import DeadlineExceeded, TensorFleetError, Unavailable
from tensorfleet.shared.settings import PREFIX

MODULE = "tensorfleet.gateway.results.analyst_process"
MAX_WAITING = 16
MAX_WAIT_SECONDS = 30.0
# One more than one: that a process dies once may be chance.
TRIES = 2
READ_AHEAD_BYTES = 1024 * 1024

# One question is worked on at a time, on one core; the others are for those who serve.
_THREADS = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
# Arrow's own allocator would keep what a large table took.
_ALLOCATOR = {"ARROW_DEFAULT_MEMORY_POOL": "system"}

TaskPages = Callable[[], AsyncIterator[list[TaskRow]]]
"""Begins to read a job's tasks, each time that it is called."""

log = structlog.get_logger(__name__)


class _Died(Exception):
    """The process ended before its answer did."""


@dataclass(frozen=True, slots=True)
class _Child:
    process: Process
    transport: asyncio.SubprocessTransport
    questions: asyncio.StreamWriter
    answers: asyncio.StreamReader


class Analyst:
    """Answers questions about results, one at a time, in a process of its own.

    The process is started for the first question, and ends after it was idle for a while, when this
    is closed, or when the present process dies in whatever way.
    """

    def __init__(
        self,
        *,
        idle_seconds: float,
        limit_seconds: float,
        memory_bytes: int,
        environment: Mapping[str, str],
        max_waiting: int = MAX_WAITING,
        max_wait_seconds: float = MAX_WAIT_SECONDS,
    ) -> None:
        """Starts nothing yet.

        Args:
            limit_seconds: The longest time of one question, with the reading of the tasks.
            memory_bytes: What the process may have.
            environment: Its variables, but for the fleet's settings, which are not its business.
            max_waiting: So many questions may wait for those before them.
            max_wait_seconds: And so long.
        """
        self._idle_seconds = idle_seconds
        self._limit_seconds = limit_seconds
        self._memory_bytes = memory_bytes
        own = {key: text for key, text in environment.items() if not key.startswith(PREFIX)}
        self._environment = {**own, **_THREADS, **_ALLOCATOR}
        self._max_waiting = max_waiting
        self._max_wait_seconds = max_wait_seconds
        self._turn = asyncio.Lock()
        self._waiting = 0
        self._child: _Child | None = None
        self._idle_timer: asyncio.TimerHandle | None = None
        self._ending: list[_Child] = []

    @property
    def pid(self) -> int | None:
        """Of the process; None while there is none."""
        return self._child.process.pid if self._child is not None else None

    async def ask(self, question: Question, *tasks: TaskPages) -> tuple[Answer, bytes]:
        """The answer and its body.

        Args:
            tasks: Those of the job and, when the question has a baseline, of that one.

        Raises:
            TensorFleetError: What the kind raised; the bare class for what nobody expected.
            Unavailable: Too many wait already, or the process died twice over this question.
            DeadlineExceeded: It took too long.
        """
        await self._wait_for_turn()
        try:
            answer, body = await self._try(question, tasks)
        finally:
            self._turn.release()
        if answer.refusal is not None:
            raise from_refusal(answer.refusal)
        if answer.failure:
            raise TensorFleetError(
                f"results of {question.job_id} could not be worked out:\n{answer.failure}"
            )
        return answer, body

    async def close(self) -> None:
        """Ends the process and waits until it is gone."""
        self._end_child()
        for child in self._ending:
            child.transport.close()
            await child.process.wait()

    async def _wait_for_turn(self) -> None:
        busy = "this gateway has too many questions about results at once; ask again in a moment"
        if self._waiting >= self._max_waiting:
            raise Unavailable(busy)
        self._waiting += 1
        try:
            async with asyncio.timeout(self._max_wait_seconds):
                await self._turn.acquire()
        except TimeoutError as exc:
            raise Unavailable(busy) from exc
        finally:
            self._waiting -= 1

    async def _try(self, question: Question, tasks: tuple[TaskPages, ...]) -> tuple[Answer, bytes]:
        for _ in range(TRIES):
            try:
                async with asyncio.timeout(self._limit_seconds):
                    return await self._exchange(question, tasks)
            except TimeoutError as exc:
                raise DeadlineExceeded(
                    f"the results of {question.job_id} took more than {self._limit_seconds:g} s to "
                    "work out; ask for less, or read them at "
                    f"GET /api/v1/jobs/{question.job_id}/tasks"
                ) from exc
            except _Died:
                log.warning("process for results died", job_id=question.job_id)
        raise Unavailable(
            f"the process that worked on the results of {question.job_id} died, twice; read them "
            f"at GET /api/v1/jobs/{question.job_id}/tasks, and see the gateway's log"
        )

    async def _exchange(
        self, question: Question, tasks: tuple[TaskPages, ...]
    ) -> tuple[Answer, bytes]:
        is_done = False
        try:
            child = await self._ready_child()
            await _send(child.questions, msgspec.msgpack.encode(question))
            for pages in tasks:
                async for rows in pages():
                    await _send(child.questions, msgspec.msgpack.encode(rows))
                await _send(child.questions, b"")
            answer = msgspec.msgpack.decode(await _receive(child.answers), type=Answer)
            body = await _receive(child.answers)
            is_done = True
        except (OSError, asyncio.IncompleteReadError) as exc:
            if isinstance(exc, TimeoutError):
                raise
            raise _Died from exc
        finally:
            # A process that was left in the middle would give its answer to the next question.
            if is_done:
                loop = asyncio.get_running_loop()
                self._idle_timer = loop.call_later(self._idle_seconds, self._dismiss_child)
            else:
                self._end_child()
        return answer, body

    async def _ready_child(self) -> _Child:
        if self._idle_timer is not None:
            self._idle_timer.cancel()
            self._idle_timer = None
        if self._child is not None and self._child.transport.get_returncode() is not None:
            self._end_child()
        if self._child is None:
            self._child = await self._start()
        return self._child

    async def _start(self) -> _Child:
        loop = asyncio.get_running_loop()
        # Without -P, the working directory would be on the path.
        command = [sys.executable, "-P", "-m", MODULE, str(os.getpid()), str(self._memory_bytes)]
        transport, protocol = await loop.subprocess_exec(
            lambda: SubprocessStreamProtocol(limit=READ_AHEAD_BYTES, loop=loop),
            *command,
            stdin=PIPE,
            stdout=PIPE,
            stderr=None,
            env=self._environment,
        )
        process = Process(transport, protocol, loop)
        if process.stdin is None or process.stdout is None:
            raise AssertionError("a process that is started with pipes has them")
        return _Child(process, transport, process.stdin, process.stdout)

    def _dismiss_child(self) -> None:
        """Lets the process end by itself: it finds that there are no more questions."""
        if (child := self._release_child()) is not None:
            child.questions.close()

    def _end_child(self) -> None:
        """Kills the process, whatever it is doing, and closes its pipes. It has nothing to lose."""
        if (child := self._release_child()) is not None:
            child.transport.close()

    def _release_child(self) -> _Child | None:
        """The process, if there is one; from now on it is none to be asked. The event loop collects
        it when it has ended.
        """
        if self._idle_timer is not None:
            self._idle_timer.cancel()
            self._idle_timer = None
        child, self._child = self._child, None
        self._ending = [c for c in self._ending if c.transport.get_returncode() is None]
        if child is not None:
            self._ending.append(child)
        return child


async def _send(stream: asyncio.StreamWriter, frame: bytes) -> None:
    stream.write(frame_head(len(frame)))
    stream.write(frame)
    await stream.drain()


async def _receive(stream: asyncio.StreamReader) -> bytes:
    head = await stream.readexactly(LENGTH_BYTES)
    return await stream.readexactly(int.from_bytes(head, "big"))
