"""Jobs with results in the fake orchestrator, and a kind of job of another distribution."""

import os
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from tensorfleet.orchestrator.v1 import failure_pb2, job_pb2, task_pb2
from tensorfleet.shared.ids import new_job_id
from tests.wire.gateway.fake_orchestrator import FakeOrchestrator

ENDED_AT = datetime(2026, 5, 1, 12, 30, 15, 250_000, tzinfo=UTC)

SPEC = """
import msgspec


class Spec(msgspec.Struct, forbid_unknown_fields=True):
    unit: str = "s"


def check(spec):
    pass
"""

RESULT = """
def rows(spec, results):
    return [
        {"task": r.index, "unit": spec.unit, "seconds": r.value, "at": r.ended_at, "sizes": [1, 2]}
        for r in results
    ]
"""

REPORT = """
import os
import signal
import time
from pathlib import Path

from tensorfleet.shared.errors import Conflict, FieldError, InvalidInput

print("what a kind prints is in nobody's answer")


def report(spec, results, baseline, options):
    if unknown := set(options) - {"do", "marker"}:
        field = FieldError(field=min(unknown), message="is no option; there is: do")
        raise InvalidInput(f"wrong: {field.field} {field.message}", (field,))
    do, marker = options.get("do"), options.get("marker")
    if do == "raise":
        raise RuntimeError("a secret of the kind")
    if do == "refuse":
        raise Conflict("the kind says no")
    if do == "sleep":
        Path(marker).touch()
        time.sleep(3600)
    if do == "wait":
        while not Path(marker).exists():
            time.sleep(0.01)
    if do == "die" and not Path(marker).exists():
        Path(marker).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    if do == "always die":
        with Path(marker).open("a") as file:
            file.write("x")
        os.kill(os.getpid(), signal.SIGKILL)
    if do == "eat":
        kept = [bytearray(2**26) for _ in range(10_000)]
    seconds = [r.value for r in results]
    return {
        "count": len(seconds),
        "baseline": None if baseline is None else [r.value for r in baseline],
        "infinite": float("inf"),
        "has_settings": any(name.startswith("TENSORFLEET_") for name in os.environ),
    }
"""

PLOTS = """
import io

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from tensorfleet.shared.errors import InvalidInput

PLOTS = {"times": "Time of each task"}


def plot(name, spec, results, file_format, options):
    if options:
        raise InvalidInput(f"plots have no option {min(options)}")
    figure = Figure(figsize=(3, 2))
    (FigureCanvasAgg if file_format == "png" else FigureCanvasSVG)(figure)
    figure.subplots().plot([r.value for r in results])
    file = io.BytesIO()
    figure.savefig(file, format=file_format)
    return file.getvalue()
"""


def install_stopwatch(folder: Path) -> Mapping[str, str]:
    """Installs the kind "stopwatch" into a folder; returns the environment that finds it there.

    A task's result is a number of seconds. The option `do` of its report makes trouble.
    """
    room = folder / "stopwatch_kind"
    room.mkdir()
    for name, text in {
        "__init__": "",
        "spec": SPEC,
        "result": RESULT,
        "report": REPORT,
        "plots": PLOTS,
    }.items():
        (room / f"{name}.py").write_text(text)
    metadata = folder / "stopwatch_kind-1.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: stopwatch-kind\nVersion: 1\n")
    (metadata / "entry_points.txt").write_text("[tensorfleet.kinds]\nstopwatch = stopwatch_kind\n")
    (folder / "matplotlib").mkdir()
    return {
        **os.environ,
        "PYTHONPATH": str(folder),
        "MPLCONFIGDIR": str(folder / "matplotlib"),
        "TENSORFLEET_JWT_SECRET": "not for kinds",
    }


def add_job(
    orchestrator: FakeOrchestrator,
    *,
    kind: str,
    spec: Mapping[str, Any],
    results: Sequence[Any],
    state: "job_pb2.JobState.ValueType" = job_pb2.JOB_STATE_SUCCEEDED,
    name: str = "",
    project: str = "default",
) -> str:
    """Adds a job with a task for each result; None stands for a task that failed."""
    job = job_pb2.Job(
        id=new_job_id(),
        spec=job_pb2.JobSpec(kind=kind, name=name, spec_json=msgspec.json.encode(spec).decode()),
        state=state,
        project=project,
    )
    if state != job_pb2.JOB_STATE_RUNNING:
        job.end_time.FromDatetime(ENDED_AT)
    orchestrator.jobs[job.id] = job
    orchestrator.tasks[job.id] = [
        _task(job.id, index, result) for index, result in enumerate(results)
    ]
    return job.id


def _task(job_id: str, index: int, result: Any) -> task_pb2.Task:
    has_failed = result is None
    task = task_pb2.Task(
        id=f"{job_id}-{index}",
        job_id=job_id,
        index=index,
        state=task_pb2.TASK_STATE_FAILED if has_failed else task_pb2.TASK_STATE_SUCCEEDED,
        result_json="" if has_failed else msgspec.json.encode(result).decode(),
    )
    attempt = task.attempts.add(number=1, worker_id="w-1")
    attempt.end_time.FromDatetime(ENDED_AT)
    if has_failed:
        attempt.failure.CopyFrom(failure_pb2.Failure(reason="USER_CODE", message="=1+1 is wrong"))
    return task
