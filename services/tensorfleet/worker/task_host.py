"""A process that stays and runs many small tasks, one after another: the host's side.

The main thread runs tasks. Another one helps while a task takes long: it sends the results of those
before, and answers the worker. Python code that has the interpreter all to itself delays it by a
few milliseconds; C code that never lets go of it, until the task ends.
"""

import gc
import io
import math
import mmap
import os
import select
import socket
import sys
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from tensorfleet.kinds.outcome import EntrypointMissing
from tensorfleet.kinds.registry import Kind
from tensorfleet.kinds.task_plan import TaskPlan
from tensorfleet.shared.task_channel import SOCKET_VARIABLE
from tensorfleet.worker import host_frames as frames
from tensorfleet.worker.host_frames import HostOrder

READ_BYTES = 256 * 1024
# Results that came within this time travel together.
GATHER_SECONDS = 0.001
HELP_SECONDS = 0.002
GATHERED_BYTES = 512 * 1024
# What a task that takes longer may have written is marked even when Python has seen nothing: a
# C library or a child process may have. No child starts and ends in less.
LONG_SECONDS = 0.0002
MAX_TRACEBACK_LINES = 50
MAX_MESSAGE_LENGTH = 2_000

Run = Callable[[dict[str, Any]], Any]


def run_host(kind: Kind, order: HostOrder, code_folder: Path | None) -> None:
    """Runs tasks until the worker closes the socket."""
    # `tensorfleet.init()` in a task must not take this socket for a run's own.
    connection = socket.socket(fileno=int(os.environ.pop(SOCKET_VARIABLE)))
    connection.set_inheritable(False)
    with Path(order.progress_file).open("r+b") as file:
        progress = mmap.mmap(file.fileno(), frames.PROGRESS.size)
    outputs = [MarkedOutput(number, bytes.fromhex(order.mark_token)) for number in (1, 2)]
    sys.stdout, sys.stderr = outputs[0].text, outputs[1].text
    run = kind.serve(code_folder)
    gc.collect()
    gc.freeze()
    TaskHost(connection, progress, outputs, run).serve()


class _CountingFile(io.FileIO):
    """Knows whether anything was written since it was last asked."""

    has_written = False

    def write(self, data: Any) -> int:
        self.has_written = True
        return super().write(data)


class MarkedOutput:
    """Standard output or error, in which marks tell where one task's output ends."""

    def __init__(self, descriptor: int, token: bytes) -> None:
        self._raw = _CountingFile(descriptor, "w", closefd=False)
        self._token = b"\0" + token
        self.text = io.TextIOWrapper(
            io.BufferedWriter(self._raw),
            encoding="utf-8",
            errors="backslashreplace",
            line_buffering=True,
        )

    def mark(self, number: int, *, must: bool) -> bool:
        """Ends a task's output, if there is any or when it must. Whether there is a mark now."""
        text = self.text
        if not text.closed:
            text.flush()
        if not (must or self._raw.has_written):
            return False
        self._raw.has_written = False
        mark = self._token + frames.MARK_NUMBER.pack(number)
        # At most PIPE_BUF bytes, so it is written whole; other writers do not get into it.
        os.write(self._raw.fileno(), mark)
        return True


class TaskHost:
    """Runs what the worker sends, in order."""

    def __init__(
        self,
        connection: socket.socket,
        progress: mmap.mmap,
        outputs: list[MarkedOutput],
        run: Run,
    ) -> None:
        self._connection = connection
        self._progress = progress
        self._stdout, self._stderr = outputs
        self._run = run
        self._queue: deque[tuple[int, str]] = deque()
        self._buffer = frames.FrameBuffer()
        self._receiving = threading.Lock()
        self._sending = threading.Lock()
        self._gathering = threading.Lock()
        self._is_busy = threading.Event()
        self._results: list[tuple[int, int, str]] = []
        self._failures: list[frames.FailedTask] = []
        self._gathered_bytes = 0
        self._busy_seconds = 0.0
        self._decode = msgspec.json.Decoder(TaskPlan).decode
        self._encode = msgspec.json.Encoder().encode

    def serve(self) -> None:
        """Runs tasks until the worker closes the socket."""
        self._send(frames.HostReady())
        threading.Thread(target=self._help, name="tensorfleet-host", daemon=True).start()
        queue = self._queue
        began = time.monotonic()
        flushed = began
        while True:
            if not queue:
                self._flush()
                self._is_busy.clear()
                if not self._receive():
                    return
                self._is_busy.set()
                began = flushed = time.monotonic()
            try:
                number, plan = queue.popleft()
            except IndexError:  # given back just now
                continue
            frames.PROGRESS.pack_into(self._progress, 0, number, began)
            self._run_one(number, plan, began)
            now = time.monotonic()
            self._busy_seconds += now - began
            began = now
            if now - flushed > GATHER_SECONDS or self._gathered_bytes > GATHERED_BYTES:
                self._flush()
                flushed = now

    def _run_one(self, number: int, plan: str, began: float) -> None:
        try:
            value = self._run(self._decode(plan).payload)
        except BaseException as exc:  # noqa: BLE001  whatever it raises fails this task alone
            reason, message = _explain(exc)
            tail = _traceback_lines(exc)
            code = exc.code if isinstance(exc, SystemExit) else None
            self._fail(number, began, reason, message, tail, code if type(code) is int else None)
            return
        try:
            result = self._encode(value)
        except Exception as exc:  # noqa: BLE001  user objects may raise anything
            message = f"the result, of type {type(value).__name__}, is not JSON: {exc}"
            self._fail(number, began, "RESULT_NOT_JSON", message, [], None)
            return
        if len(result) > frames.MAX_RESULT_BYTES:
            message = (
                f"the result has {len(result):,} bytes of JSON, and {frames.MAX_RESULT_BYTES:,} "
                "are allowed; save large results as an artifact and return what names it"
            )
            self._fail(number, began, "RESULT_TOO_LARGE", message, [], None)
            return
        if b"null" in result and not _is_finite(value):
            # The encoder writes null for them, which would be another result.
            message = "the result has a NaN or an infinity, and JSON has no such numbers"
            self._fail(number, began, "RESULT_NOT_JSON", message, [], None)
            return
        ended = (number, self._mark(number, began), result.decode())
        with self._gathering:
            self._results.append(ended)
            self._gathered_bytes += len(result)

    def _fail(
        self,
        number: int,
        began: float,
        reason: str,
        message: str,
        tail: list[str],
        exit_code: int | None,
    ) -> None:
        marks = self._mark(number, began)
        message = message[:MAX_MESSAGE_LENGTH]
        failed = frames.FailedTask(number, marks, reason, message, tail, exit_code)
        with self._gathering:
            self._failures.append(failed)
            self._gathered_bytes += sum(map(len, tail))

    def _mark(self, number: int, began: float) -> int:
        must = time.monotonic() - began > LONG_SECONDS
        marks = frames.STDOUT_MARKED if self._stdout.mark(number, must=must) else 0
        return marks | (frames.STDERR_MARKED if self._stderr.mark(number, must=must) else 0)

    def _flush(self) -> None:
        with self._gathering:
            if not self._results and not self._failures:
                return
            results, self._results = self._results, []
            failures, self._failures = self._failures, []
            busy_seconds, self._busy_seconds = self._busy_seconds, 0.0
            self._gathered_bytes = 0
        self._send(frames.TasksEnded(results, failures, busy_seconds))

    def _receive(self) -> bool:
        """Takes what the worker sent, or waits for it. False when it has closed the socket."""
        with self._receiving:
            if self._queue:  # the helping thread was faster
                return True
            chunk = self._connection.recv(READ_BYTES)
            for body in self._buffer.feed(chunk):
                self._take(frames.decode_to_host(body))
            return bool(chunk)

    def _take(self, message: frames.ToHost) -> None:
        if isinstance(message, frames.RunTasks):
            self._queue.extend(message.tasks)
            return
        unwanted = set(message.numbers)
        given_back = []
        for task in list(self._queue):
            if task[0] in unwanted:
                try:
                    self._queue.remove(task)
                except ValueError:  # the main thread has just begun with it
                    continue
                given_back.append(task[0])
        if given_back:
            self._send(frames.GivenBack(given_back))

    def _send(self, message: frames.FromHost) -> None:
        with self._sending:
            self._connection.sendall(frames.encode_frame(message))

    def _help(self) -> None:
        while True:
            self._is_busy.wait()
            time.sleep(HELP_SECONDS)
            self._flush()
            if not self._receiving.acquire(blocking=False):
                continue
            try:
                if not select.select([self._connection], [], [], 0)[0]:
                    continue
                chunk = self._connection.recv(READ_BYTES)
                if not chunk:
                    # The worker went away: nobody wants what runs here.
                    os._exit(1)
                for body in self._buffer.feed(chunk):
                    self._take(frames.decode_to_host(body))
            finally:
                self._receiving.release()


def _explain(exc: BaseException) -> tuple[str, str]:
    if isinstance(exc, EntrypointMissing):
        return "ENTRYPOINT_NOT_FOUND", str(exc)
    text = traceback.format_exception_only(exc)[-1].strip()
    if isinstance(exc, SystemExit):
        text = f"it called sys.exit({exc.code!r}); a call ends by returning"
    return "USER_CODE", text


def _traceback_lines(exc: BaseException) -> list[str]:
    """The last lines of the traceback, without what is TensorFleet's own at its beginning."""
    if isinstance(exc, EntrypointMissing):
        return []
    place = exc.__traceback__
    while place is not None and place.tb_frame.f_globals.get("__name__", "").startswith(
        "tensorfleet."
    ):
        place = place.tb_next
    text = "".join(traceback.format_exception(type(exc), exc, place))
    return text.rstrip().splitlines()[-MAX_TRACEBACK_LINES:]


def _is_finite(value: Any) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, dict):
        return all(map(_is_finite, value.values()))
    if isinstance(value, list | tuple | set | frozenset):
        return all(map(_is_finite, value))
    return True
