"""Jobs, tasks and workers come back from their documents as they went."""

from dataclasses import replace
from datetime import timedelta

from bson import BSON
from bson.codec_options import CodecOptions

from tensorfleet.kinds.outcome import OutputType, ProducedOutput
from tensorfleet.orchestrator.failure import Failure
from tensorfleet.orchestrator.resources import Resources
from tensorfleet.orchestrator.retry import RetryPolicy, RetryRule
from tensorfleet.orchestrator.store import documents
from tensorfleet.orchestrator.worker import Worker
from tensorfleet.shared.ids import JobId
from tensorfleet.shared.mongo import Document
from tests.unit.orchestrator.job_examples import BROKEN, LATER, NOW, SUCCESS, WORKER, Played

AWARE: CodecOptions[Document] = CodecOptions(tz_aware=True)


def through_bson(row: Document) -> Document:
    return BSON.encode(row).decode(AWARE)


def test_job_with_everything_comes_back() -> None:
    job = Played(
        tasks=2,
        request_id="r",
        labels={"team.name": "$x"},
        resources=Resources(
            cpus=0.5, memory_bytes=2**40, gpus=1, gpu_kind="k", labels={"a.b": "c"}
        ),
        retry=RetryPolicy(
            max_attempts=3,
            initial_backoff=timedelta(milliseconds=10),
            rules=(
                RetryRule(reasons=frozenset({"A", "B"}), exit_codes=frozenset({1}), max_retries=2),
                RetryRule(log_pattern="x*y"),
            ),
        ),
        attempt_timeout=timedelta(seconds=1.5),
        not_before=LATER,
        is_preemptible=True,
        is_gang=True,
        waits_for=frozenset({JobId("job-0")}),
    ).job
    job = replace(
        job,
        start_time=NOW,
        end_time=LATER,
        cancel_request_time=LATER,
        failure=Failure(reason="R", message="m", exit_code=1, signal=9, output_tail=("a", "b")),
        outputs=(ProducedOutput(type=OutputType.ARTIFACT, name="n", version=1, artifact_id="a"),),
    )
    assert documents.job_from_document(through_bson(documents.job_to_document(job))) == job


def test_job_with_little_comes_back() -> None:
    job = Played().job
    assert documents.job_from_document(through_bson(documents.job_to_document(job))) == job


def test_what_changes_in_a_job_is_all_in_its_update() -> None:
    played = Played(tasks=2)
    row = documents.job_to_document(played.job)
    played.run(0, BROKEN)
    played.cancel()
    row |= documents.job_update(played.job)
    assert documents.job_from_document(through_bson(row)) == played.job


def test_task_with_a_history_comes_back() -> None:
    played = Played(max_attempts=3)
    row = documents.task_to_document(played.task())
    assert documents.task_from_document(through_bson(row)) == played.task()
    played.run(0, BROKEN)
    played.start(0)
    played.lose(0)
    played.run(0, replace(SUCCESS, result_json="{}"))
    row |= documents.task_update(played.task())
    assert documents.task_from_document(through_bson(row)) == played.task()
    assert (row["attempt"], row["worker_id"]) == (3, WORKER)


def test_worker_comes_back() -> None:
    worker = Worker(
        id=WORKER,
        instance_id="i",
        version="1",
        hostname="h",
        capacity=Resources(cpus=8, memory_bytes=2**40, labels={"zone": "a"}),
        slots=4,
        is_leaving=True,
        create_time=NOW,
        register_time=LATER,
    )
    row = through_bson(documents.worker_to_document(worker))
    assert documents.worker_from_document(row) == worker
    row |= {"is_drained": True, "quarantine_end_time": LATER}
    assert documents.worker_from_document(row) == replace(
        worker, is_drained=True, quarantine_end_time=LATER
    )
