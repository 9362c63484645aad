"""The run of a task's process in a fleet: it talks to its own worker over the inherited socket."""

import math
import signal
import socket
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from tensorfleet.sdk.run import Checkpoint, Run, SavedModel
from tensorfleet.shared import task_channel as channel
from tensorfleet.shared.errors import InvalidInput, LeaseLost, Unavailable, error_from_reason
from tensorfleet.shared.machine_sample import MachineSample

Answer = channel.Saved | channel.Met | channel.Usage
AnswerT = TypeVar("AnswerT", channel.Saved, channel.Met, channel.Usage)

# How long somebody who waits for other tasks may overlook that the fleet wants it to stop.
STOP_LOOK_SECONDS = 0.1


class FleetRun(Run):
    """`Run` over a socket. A thread reads what the worker says; the caller's thread writes."""

    def __init__(self, connection: socket.socket, welcome: channel.Welcome) -> None:
        self.params = welcome.params
        self.job_name = welcome.job_name
        self.attempt = welcome.attempt
        self._connection = connection
        self._welcome = welcome
        self._stop_asked = threading.Event()
        self._answers: dict[int, Answer | channel.Refused] = {}
        self._answered = threading.Condition()
        self._is_closed = False
        self._closed = threading.Event()
        self._requests = count(1)
        self._write_lock = threading.Lock()
        self._reader = threading.Thread(target=self._read, name="tensorfleet-run", daemon=True)
        self._reader.start()
        if welcome.heartbeat_seconds > 0:
            threading.Thread(target=self._beat, name="tensorfleet-heartbeat", daemon=True).start()
        self._stop_on_sigterm()

    @classmethod
    def connect(cls, descriptor: int) -> "FleetRun":
        """Greets the worker at the other end of the inherited socket.

        Raises:
            Unavailable: It does not answer.
            InvalidInput: It speaks another version of the protocol.
        """
        connection = socket.socket(fileno=descriptor)
        connection.sendall(channel.encode_frame(channel.Hello(protocol=channel.PROTOCOL)))
        message = _read_message(connection)
        if isinstance(message, channel.Refused):
            connection.close()
            raise error_from_reason(message.reason, message.message)
        if not isinstance(message, channel.Welcome) or message.protocol != channel.PROTOCOL:
            raise InvalidInput(
                "the worker speaks another version; use the same TensorFleet on both"
            )
        return cls(connection, message)

    def close(self) -> None:
        """Ends the connection; a script need not call it."""
        with suppress(OSError):
            self._connection.shutdown(socket.SHUT_RDWR)
        self._reader.join()
        self._connection.close()

    @property
    def should_stop(self) -> bool:
        """See Run."""
        return self._stop_asked.is_set()

    def dataset(self, name: str, local: Path | str | Callable[[Path], None] | None = None) -> Path:
        """See Run."""
        del local  # the fleet has the data
        if name not in self._welcome.datasets:
            declared = ", ".join(sorted(self._welcome.datasets)) or "none"
            raise InvalidInput(
                f"the job does not declare the dataset {name!r} (it declares: {declared}); "
                "add it to spec.datasets"
            )
        return Path(self._welcome.datasets[name])

    def progress(self, completed: float, total: float = 0.0, unit: str = "") -> None:
        """See Run."""
        self._send(
            channel.ProgressReport(
                time_unix=time.time(),
                completed=float(completed),
                total=float(total),
                unit=unit[:32],
            )
        )

    def meet(self, address: str, timeout_seconds: float = 60.0) -> list[str]:
        """See Run."""
        if not 1 <= len(address.encode()) <= channel.MAX_ADDRESS_BYTES:
            raise InvalidInput(f"an address has 1 to {channel.MAX_ADDRESS_BYTES} bytes")
        if not 0 <= timeout_seconds < math.inf:
            raise InvalidInput(f"timeout_seconds must be a number from 0 on, not {timeout_seconds}")

        def request(number: int) -> channel.Message:
            return channel.Meet(
                request=number, address=address, timeout_seconds=float(timeout_seconds)
            )

        return self._ask(request, channel.Met, ends_at_stop=True).addresses

    def worker_usage(self, worker: str, after: datetime | None = None) -> list[MachineSample]:
        """What a worker's machine did lately: at most 600 samples, oldest first.

        Args:
            worker: Its name.
            after: Only samples with a later time; aware.

        Raises:
            InvalidInput: The time has no time zone.
            WorkerNotFound: No such worker.
            Unavailable: The fleet does not answer now.
        """
        if after is not None and after.tzinfo is None:
            raise InvalidInput("after needs a time zone: use datetime.now(UTC) and the like")
        return self._ask(
            lambda number: channel.AskUsage(request=number, worker=worker, after=after),
            channel.Usage,
        ).samples

    def report_result(self, result: Any) -> None:
        """Tells what the task gave; it counts when the process then ends well.

        Raises:
            InvalidInput: It cannot be written as JSON, or is too large.
        """
        try:
            encoded = msgspec.json.encode(result)
        except (TypeError, ValueError, msgspec.MsgspecError) as exc:
            raise InvalidInput(f"the task's result is not JSON: {exc}") from exc
        if len(encoded) > channel.MAX_RESULT_BYTES:
            raise InvalidInput(
                f"the task's result has {len(encoded):,} bytes of JSON, and "
                f"{channel.MAX_RESULT_BYTES:,} are allowed"
            )
        self._send(channel.ResultReport(result_json=encoded.decode()))

    def resume(self) -> Checkpoint | None:
        """See Run."""
        point = self._welcome.resume_point
        return Checkpoint(step=point.step, path=Path(point.path)) if point else None

    def _report_metrics(self, step: int | None, values: dict[str, float]) -> None:
        self._send(channel.MetricReport(time_unix=time.time(), step=step, values=values))

    def _save_checkpoint(self, step: int, path: Path) -> None:
        self._ask(
            lambda number: channel.SaveCheckpoint(
                request=number, step=step, path=str(path.absolute())
            ),
            channel.Saved,
        )

    def _save_model(
        self, name: str, path: Path, signature: dict[str, Any], metrics: dict[str, float]
    ) -> SavedModel:
        saved = self._ask(
            lambda number: channel.SaveModel(
                request=number,
                name=name,
                path=str(path.absolute()),
                signature=signature,
                metrics=metrics,
            ),
            channel.Saved,
        )
        return SavedModel(name=name, version=saved.version, artifact_id=saved.artifact_id)

    def _new_scratch_folder(self, name: str) -> Path:
        scratch = self._welcome.scratch_folder
        return Path(tempfile.mkdtemp(prefix=f"{name}-", dir=scratch))

    def _send(self, message: channel.Message) -> None:
        frame = channel.encode_frame(message)
        try:
            with self._write_lock:
                self._connection.sendall(frame)
        except OSError as exc:
            raise Unavailable("the worker of this task is gone; end the script") from exc

    def _ask(
        self,
        request: Callable[[int], channel.Message],
        answer_type: type[AnswerT],
        *,
        ends_at_stop: bool = False,
    ) -> AnswerT:
        number = next(self._requests)
        self._send(request(number))
        with self._answered:
            while number not in self._answers:
                if self._is_closed:
                    raise Unavailable("the worker of this task is gone; end the script")
                if ends_at_stop and self.should_stop:
                    raise Unavailable("the fleet wants this task to stop; end the script")
                self._answered.wait(STOP_LOOK_SECONDS if ends_at_stop else None)
            answer = self._answers.pop(number)
        if isinstance(answer, channel.Refused):
            if answer.reason == LeaseLost.reason:
                self._stop_asked.set()
            raise error_from_reason(answer.reason, answer.message)
        if not isinstance(answer, answer_type):
            raise Unavailable(f"the worker answered with {type(answer).__name__}; try again")
        return answer

    def _read(self) -> None:
        while (message := _read_message(self._connection)) is not None:
            if isinstance(message, channel.Stop):
                self._stop_asked.set()
            elif isinstance(message, Answer | channel.Refused):
                with self._answered:
                    self._answers[message.request] = message
                    self._answered.notify_all()
        with self._answered:
            self._is_closed = True
            self._answered.notify_all()
        self._closed.set()

    def _beat(self) -> None:
        while True:
            try:
                self._send(channel.Heartbeat())
            except Unavailable:
                return
            if self._closed.wait(self._welcome.heartbeat_seconds):
                return

    def _stop_on_sigterm(self) -> None:
        # A script with a handler of its own keeps it; only the main thread may set one.
        if (
            threading.current_thread() is threading.main_thread()
            and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
        ):
            signal.signal(signal.SIGTERM, lambda _number, _frame: self._stop_asked.set())


def _read_message(connection: socket.socket) -> channel.FromWorker | None:
    """The next message that this version knows, or None when the worker is gone."""
    while (header := _read_exactly(connection, channel.LENGTH_BYTES)) is not None:
        body = _read_exactly(connection, channel.decode_length(header))
        if body is None:
            return None
        if (message := channel.decode_from_worker(body)) is not None:
            return message
    return None


def _read_exactly(connection: socket.socket, count: int) -> bytes | None:
    received = bytearray()
    while len(received) < count:
        try:
            chunk = connection.recv(count - len(received))
        except OSError:
            return None
        if not chunk:
            return None
        received += chunk
    return bytes(received)
