"""The demo's steps, each timed: data, training, model, answers."""

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from tensorfleet.cli.example_files import find_example, import_script
from tensorfleet.cli.fleet_client import open_client
from tensorfleet.shared.errors import TensorFleetError
from tensorfleet.shared.rest.numbers import from_json_number

if TYPE_CHECKING:
    from tensorfleet.cli.demo_view import DemoView
    from tensorfleet.sdk.client import Client
    from tensorfleet.shared.rest.jobs import Job

DATASET = "digits"
MODEL = "digits"
LEAST_TEST_ACCURACY = 0.95
# A served model that answers nonsense has 0.1; one that works, 0.93 and more.
LEAST_HELD_OUT_ACCURACY = 0.85


class DemoFailed(TensorFleetError):
    """A step of the demo did not do what it should."""

    reason = "DEMO_FAILED"


class Stage(msgspec.Struct, frozen=True, kw_only=True):
    """How long one step took, or a part of one that is worth telling."""

    name: str
    seconds: float


class DemoResults(msgspec.Struct, kw_only=True):
    """What the demo made and measured."""

    stages: list[Stage] = []
    dataset_version: int = 0
    job_id: str = ""
    first_step_seconds: float = 0.0
    """From the submission to the first reported epoch."""
    checkpoint_step: int = 0
    checkpoint_count: int = 0
    model: str = MODEL
    model_version: int = 0
    test_accuracy: float = 0.0
    held_out_count: int = 0
    held_out_accuracy: float = 0.0
    predict_ms: float = 0.0
    """One request with all held-out digits, there and back."""
    images: list[list[list[float]]] = []
    labels: list[int] = []
    guesses: list[int] = []
    problems: list[str] = []
    """What was not as it should be; empty when everything worked."""


def run_demo(view: "DemoView", *, fleet_seconds: float | None) -> DemoResults:
    """Runs every step on the fleet that the environment names or that runs here.

    Raises:
        TensorFleetError: A step failed.
    """
    results = DemoResults()
    if fleet_seconds is not None:
        results.stages.append(Stage(name="fleet started", seconds=fleet_seconds))
    example = find_example("digits")
    with open_client() as client, tempfile.TemporaryDirectory() as folder:
        data = Path(folder)
        view.headline("Uploading 1,797 handwritten digits as a dataset")
        with _timed(results, "dataset made and uploaded"):
            import_script(example / "data.py").write_digits(data)
            version = client.upload_dataset(DATASET, data, "handwritten digits from scikit-learn")
        results.dataset_version = version.version
        view.done(f"dataset {version.dataset} version {version.version}")
        _train(client, example, results, view)
        _check_kept(client, results)
        view.headline("Asking the model, through the gateway, for digits it has never seen")
        with _timed(results, "model loaded, 100 predictions"):
            _ask(client, data, results)
    _judge(results)
    return results


def _train(client: "Client", example: Path, results: DemoResults, view: "DemoView") -> None:
    view.headline("Training on a worker")
    begun = time.monotonic()
    job = client.submit(example / "job.yaml")
    results.stages.append(Stage(name="job submitted", seconds=time.monotonic() - begun))
    results.job_id = job.id
    progress, first_step = view.watch(job, client.events(job.id))
    results.first_step_seconds = first_step - begun
    ended = time.monotonic()
    results.stages.append(Stage(name="… to its first epoch", seconds=first_step - begun))
    results.stages.append(Stage(name="… to its registered model", seconds=ended - begun))
    if progress.state != "succeeded":
        raise DemoFailed(f"the training job {progress.state}; see tensorfleet logs {job.id}")


def _check_kept(client: "Client", results: DemoResults) -> None:
    checkpoints = list(client.checkpoints(results.job_id))
    if not checkpoints:
        raise DemoFailed(f"the training left no checkpoint; see tensorfleet show {results.job_id}")
    results.checkpoint_count = len(checkpoints)
    results.checkpoint_step = checkpoints[0].step
    results.model_version = _registered_version(client.job(results.job_id))
    for version in client.model_versions(MODEL):
        if version.version == results.model_version:
            results.test_accuracy = from_json_number(version.metrics["accuracy"])
            return
    raise DemoFailed(f"model {MODEL} version {results.model_version} is not in the registry")


def _registered_version(job: "Job") -> int:
    for output in job.outputs:
        if output.type == "model_version" and output.name == MODEL:
            return output.version
    raise DemoFailed(f"the training registered no model; see tensorfleet show {job.id}")


def _ask(client: "Client", data: Path, results: DemoResults) -> None:
    import numpy as np

    with np.load(data / "held_out.npz") as arrays:
        results.images = arrays["images"].tolist()
        results.labels = arrays["labels"].tolist()
    begun = time.monotonic()
    prediction = client.predict(MODEL, results.images, version=results.model_version)
    results.predict_ms = (time.monotonic() - begun) * 1000
    (rows,) = prediction.outputs.values()
    results.guesses = [_largest(row) for row in rows]
    right = sum(a == b for a, b in zip(results.labels, results.guesses, strict=True))
    results.held_out_count = len(results.labels)
    results.held_out_accuracy = right / len(results.labels)


def _largest(row: list[Any]) -> int:
    return max(range(len(row)), key=lambda index: from_json_number(row[index]))


def _judge(results: DemoResults) -> None:
    if results.test_accuracy < LEAST_TEST_ACCURACY:
        results.problems.append(
            f"the test accuracy is {results.test_accuracy:.4f}, below {LEAST_TEST_ACCURACY}"
        )
    if results.held_out_accuracy < LEAST_HELD_OUT_ACCURACY:
        results.problems.append(
            f"of the held-out digits only {results.held_out_accuracy:.0%} were told right"
        )


@contextmanager
def _timed(results: DemoResults, name: str) -> Iterator[None]:
    begun = time.monotonic()
    yield
    results.stages.append(Stage(name=name, seconds=time.monotonic() - begun))
