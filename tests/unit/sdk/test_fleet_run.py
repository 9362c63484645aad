"""The run context over a socket, against a worker that the test plays."""

import math
import os
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import msgspec
import pytest

from tensorfleet.sdk.fleet_run import FleetRun
from tensorfleet.shared import task_channel as channel
from tensorfleet.shared.errors import InvalidArtifact, InvalidInput, LeaseLost, Unavailable
from tensorfleet.shared.machine_sample import MachineSample


class PlayedWorker:
    """Answers saves with what the test put up; keeps everything that it heard."""

    def __init__(self, connection: socket.socket, welcome: channel.Message) -> None:
        self.connection = connection
        self.heard: SimpleQueue[channel.FromProcess] = SimpleQueue()
        self.refuse_with: tuple[str, str] | None = None
        self.addresses: list[str] | None = None
        self.samples: list[MachineSample] = []
        self._welcome = welcome
        threading.Thread(target=self._serve, daemon=True).start()

    def say(self, message: channel.Message) -> None:
        self.connection.sendall(channel.encode_frame(message))

    def _serve(self) -> None:
        with self.connection.makefile("rb") as stream:
            while header := stream.read(channel.LENGTH_BYTES):
                body = stream.read(channel.decode_length(header))
                message = channel.decode_from_process(body)
                assert message is not None
                self.heard.put(message)
                if isinstance(message, channel.Hello):
                    self.say(self._welcome)
                elif isinstance(message, channel.SaveCheckpoint | channel.SaveModel):
                    self.say(self._answer(message.request))
                elif isinstance(message, channel.AskUsage):
                    self.say(channel.Usage(request=message.request, samples=self.samples))
                elif isinstance(message, channel.Meet) and self.addresses is not None:
                    self.say(channel.Met(request=message.request, addresses=self.addresses))

    def _answer(self, request: int) -> channel.Message:
        if self.refuse_with:
            reason, text = self.refuse_with
            return channel.Refused(request=request, reason=reason, message=text)
        return channel.Saved(request=request, artifact_id="a" * 64, version=3)


@contextmanager
def run_and_worker(
    tmp_path: Path, welcome: channel.Message | None = None, **fields: object
) -> Iterator[tuple[FleetRun, PlayedWorker]]:
    given: dict[str, object] = {
        "protocol": channel.PROTOCOL,
        "job_id": "job-1",
        "task_id": "job-1-0",
        "attempt": 2,
        "job_name": "example",
        "params": {"rate": 0.5},
        "datasets": {"digits": str(tmp_path)},
        "resume_point": None,
        "scratch_folder": str(tmp_path),
    }
    ours, theirs = socket.socketpair()
    before = signal.getsignal(signal.SIGTERM)
    try:
        with ours:
            worker = PlayedWorker(ours, welcome or channel.Welcome(**{**given, **fields}))  # type: ignore[arg-type]
            run = FleetRun.connect(theirs.detach())
            assert worker.heard.get(timeout=5) == channel.Hello(protocol=channel.PROTOCOL)
            yield run, worker
            # Both ends go, and with them the reading threads.
            run.close()
    finally:
        signal.signal(signal.SIGTERM, before)


def test_run_knows_its_job_and_its_data(tmp_path: Path) -> None:
    with run_and_worker(tmp_path) as (run, _):
        assert (run.params, run.attempt, run.job_name) == ({"rate": 0.5}, 2, "example")
        assert run.dataset("digits") == tmp_path
        assert run.resume() is None
        with pytest.raises(InvalidInput, match=r"spec\.datasets"):
            run.dataset("other")


def test_metrics_and_progress_are_told(tmp_path: Path) -> None:
    with run_and_worker(tmp_path) as (run, worker):
        run.log(step=1, loss=math.nan, accuracy=1)
        run.log()
        run.progress(1, 4, "epochs")
        metric, progress = worker.heard.get(timeout=5), worker.heard.get(timeout=5)
        assert isinstance(metric, channel.MetricReport)
        assert math.isnan(metric.values["loss"])
        assert (metric.step, metric.values["accuracy"]) == (1, 1.0)
        assert isinstance(progress, channel.ProgressReport)
        assert (progress.completed, progress.total, progress.unit) == (1.0, 4.0, "epochs")


@pytest.mark.parametrize("values", [{"a": "x"}, {"a": None}, {"a": [1, 2]}])
def test_metric_that_is_no_number_is_refused(tmp_path: Path, values: dict[str, Any]) -> None:
    with run_and_worker(tmp_path) as (run, _), pytest.raises(InvalidInput, match="'a'"):
        run.log(**values)


@pytest.mark.parametrize("step", [-1, 2**63, 1.5, True, "1"])
def test_step_that_is_no_counter_is_refused(tmp_path: Path, step: int) -> None:
    with run_and_worker(tmp_path) as (run, _), pytest.raises(InvalidInput, match="step"):
        run.log(step=step, a=1)


def test_state_is_saved_and_loaded_again(tmp_path: Path) -> None:
    import torch

    with run_and_worker(tmp_path) as (run, worker):
        run.checkpoint(7, {"weights": torch.ones(2), "epoch": 7})
        told = worker.heard.get(timeout=5)
    assert isinstance(told, channel.SaveCheckpoint)
    point = channel.ResumePoint(step=told.step, path=told.path)
    with run_and_worker(tmp_path, resume_point=point) as (run, _):
        checkpoint = run.resume()
        assert checkpoint is not None
        state = checkpoint.load()
        assert (checkpoint.step, state["epoch"], state["weights"].tolist()) == (7, 7, [1.0, 1.0])


def test_model_folder_is_registered(tmp_path: Path) -> None:
    with run_and_worker(tmp_path) as (run, worker):
        saved = run.save_model(tmp_path, name="m", accuracy=0.5)
        assert (saved.version, saved.artifact_id) == (3, "a" * 64)
        told = worker.heard.get(timeout=5)
        assert isinstance(told, channel.SaveModel)
        assert (told.name, told.metrics) == ("m", {"accuracy": 0.5})


def test_run_meets_its_peers(tmp_path: Path) -> None:
    with run_and_worker(tmp_path) as (run, worker):
        worker.addresses = ["a:1", "b:2"]
        assert run.meet("b:2", timeout_seconds=5) == ["a:1", "b:2"]
        assert worker.heard.get(timeout=5) == channel.Meet(
            request=1, address="b:2", timeout_seconds=5.0
        )


@pytest.mark.parametrize(
    ("address", "timeout"), [("", 1), ("x" * 1025, 1), ("a:1", -1), ("a:1", math.nan)]
)
def test_meeting_with_wrong_words_is_refused(tmp_path: Path, address: str, timeout: float) -> None:
    with run_and_worker(tmp_path) as (run, _), pytest.raises(InvalidInput):
        run.meet(address, timeout)


def test_run_reads_what_a_worker_did(tmp_path: Path) -> None:
    sample = MachineSample(time=datetime(2026, 5, 1, tzinfo=UTC), cpu_user=0.5, cores=(0.25, 0.75))
    with run_and_worker(tmp_path) as (run, worker):
        worker.samples = [sample]
        after = datetime(2026, 4, 30, tzinfo=UTC)
        assert run.worker_usage("w1", after) == [sample]
        assert worker.heard.get(timeout=5) == channel.AskUsage(request=1, worker="w1", after=after)
        with pytest.raises(InvalidInput, match="time zone"):
            run.worker_usage("w1", after.replace(tzinfo=None))


def test_run_that_shall_stop_waits_for_nobody(tmp_path: Path) -> None:
    with run_and_worker(tmp_path) as (run, worker):
        threading.Timer(0.05, worker.say, [channel.Stop(reason="cancelled")]).start()
        with pytest.raises(Unavailable, match="wants this task to stop"):
            run.meet("a:1")


def test_refusal_comes_out_as_its_error(tmp_path: Path) -> None:
    with run_and_worker(tmp_path) as (run, worker):
        worker.refuse_with = (InvalidArtifact.reason, "it is empty")
        with pytest.raises(InvalidArtifact, match="it is empty"):
            run.checkpoint(1, tmp_path)
        assert not run.should_stop
        worker.refuse_with = (LeaseLost.reason, "it runs elsewhere")
        with pytest.raises(LeaseLost):
            run.checkpoint(2, tmp_path)
        assert run.should_stop


def test_worker_that_goes_away_does_not_leave_the_script_waiting(tmp_path: Path) -> None:
    with run_and_worker(tmp_path) as (run, worker):
        worker.connection.shutdown(socket.SHUT_RDWR)
        with pytest.raises(Unavailable, match="end the script"):
            run.checkpoint(1, tmp_path)


def test_stop_is_seen_by_message_and_by_signal(tmp_path: Path) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    with run_and_worker(tmp_path) as (run, worker):
        assert not run.should_stop
        worker.say(channel.Stop(reason="cancelled"))
        run.checkpoint(1, tmp_path)  # its answer comes after the message
        assert run.should_stop
    with run_and_worker(tmp_path) as (run, _):
        os.kill(os.getpid(), signal.SIGTERM)
        assert run.should_stop


def test_handler_of_the_script_itself_is_kept(tmp_path: Path) -> None:
    def own(_number: int, _frame: object) -> None: ...

    before = signal.signal(signal.SIGTERM, own)
    try:
        with run_and_worker(tmp_path):
            assert signal.getsignal(signal.SIGTERM) is own
    finally:
        signal.signal(signal.SIGTERM, before)


def test_worker_of_another_protocol_is_refused(tmp_path: Path) -> None:
    refusal = channel.Refused(request=0, reason=InvalidInput.reason, message="other version")
    with (
        pytest.raises(InvalidInput, match="other version"),
        run_and_worker(tmp_path, welcome=refusal),
    ):
        pass


def test_heartbeats_come_as_often_as_the_worker_wants(tmp_path: Path) -> None:
    with run_and_worker(tmp_path, heartbeat_seconds=0.05) as (_, worker):
        for _ in range(3):
            assert worker.heard.get(timeout=5) == channel.Heartbeat()


def test_worker_that_wants_no_heartbeat_hears_none(tmp_path: Path) -> None:
    with run_and_worker(tmp_path) as (run, worker):
        run.progress(1)
        assert isinstance(worker.heard.get(timeout=5), channel.ProgressReport)
        assert worker.heard.empty()


def test_message_of_a_newer_worker_is_passed_over(tmp_path: Path) -> None:
    with run_and_worker(tmp_path) as (run, worker):
        body = msgspec.msgpack.encode({"type": "from the future"})
        worker.connection.sendall(len(body).to_bytes(4, "big") + body)
        file = tmp_path / "state"
        file.write_text("1")
        run.checkpoint(1, file)
