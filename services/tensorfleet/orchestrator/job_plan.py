"""From what a user asked to a job and its tasks; and whether what came out is what was promised."""

import hashlib
from collections import OrderedDict
from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

import msgspec

from tensorfleet.kinds.registry import find_kind
from tensorfleet.orchestrator.definition import Definition, as_its_kind_has_it
from tensorfleet.orchestrator.failure import Failure
from tensorfleet.orchestrator.job import Job, JobSpec, JobState
from tensorfleet.orchestrator.job_changes import AttemptEnd
from tensorfleet.orchestrator.retry import AttemptOutcome
from tensorfleet.orchestrator.task import Task, TaskState
from tensorfleet.shared.errors import FieldError, InvalidJob
from tensorfleet.shared.ids import JobId, new_job_id, task_id

MAX_TASKS = 100_000
# A gang starts in one step, and on workers that are all there at once.
MAX_GANG_TASKS = 1_000
MAX_PARSED_SPECS = 256
# All that a job names is in memory at once while it is planned.
MAX_NAMED_DEFINITIONS = 1_000


def parse_job(spec: JobSpec) -> Any:
    """The part of a job that only its kind understands, checked.

    Raises:
        UnknownKind: No kind has this name.
        InvalidJob: The spec is wrong, or lacks the code that it needs.
    """
    kind = find_kind(spec.kind)
    parsed = kind.parse_spec(decode_spec(spec.spec_json))
    if kind.needs_code(parsed) and not spec.code_artifact_id:
        message = f"a {spec.kind} job needs the user's code; give its folder as `code`"
        raise InvalidJob(message, (FieldError(field="code", message=message),))
    return parsed


def definitions_named_in(spec: JobSpec, parsed: Any) -> Collection[str]:
    """The names of the project's definitions that a parsed job needs for its plan.

    Raises:
        InvalidJob: They are too many.
    """
    definitions = find_kind(spec.kind).definitions
    if definitions is None:
        return ()
    names = frozenset(definitions.named_in(parsed))
    if len(names) > MAX_NAMED_DEFINITIONS:
        message = (
            f"names {len(names):,} {definitions.collection} of the project; "
            f"a job may name {MAX_NAMED_DEFINITIONS:,}: split it"
        )
        raise InvalidJob(f"the spec {message}", (FieldError(field="spec", message=message),))
    return names


def plan_job(
    spec: JobSpec,
    parsed: Any,
    found: Mapping[str, Definition],
    *,
    owner: str,
    project: str,
    request_id: str,
    now: datetime,
) -> tuple[Job, list[Task]]:
    """A new job and its tasks.

    Args:
        parsed: What `parse_job` made of the spec.
        found: Those of the definitions named in it that the project has.

    Raises:
        InvalidJob: It names what there is not, or gives too many tasks.
    """
    kind = find_kind(spec.kind)
    definitions = kind.definitions
    if definitions is not None:
        known = {name: as_its_kind_has_it(definition) for name, definition in found.items()}
        parsed = definitions.resolve(parsed, known)
    plans = kind.plan(parsed)
    # Of one request, asked for twice, the digest is the same, whatever its kind adds to it.
    digest = spec_digest(spec)
    if len(plans) > 1 and kind.needs_gang(parsed):
        spec = replace(spec, is_gang=True)
    most = MAX_GANG_TASKS if spec.is_gang else MAX_TASKS
    if len(plans) > most:
        sort = "gang" if spec.is_gang else "job"
        message = f"makes {len(plans)} tasks; a {sort} may have {most}: split it"
        raise InvalidJob(f"the spec {message}", (FieldError(field="spec", message=message),))
    job_id = new_job_id()
    tasks = [
        Task(
            id=task_id(job_id, index),
            job_id=job_id,
            index=index,
            state=TaskState.QUEUED,
            task_json=msgspec.json.encode(plan).decode(),
            create_time=now,
            ready_time=now,
        )
        for index, plan in enumerate(plans)
    ]
    job = Job(
        id=job_id,
        spec=spec,
        state=JobState.PENDING,
        owner=owner,
        project=project,
        create_time=now,
        task_counts={TaskState.QUEUED: len(tasks)},
        request_id=request_id,
        request_digest=digest,
        waits_for=frozenset(spec.after_job_ids),
    )
    return job, tasks


def decode_spec(spec_json: str) -> dict[str, object]:
    """The kind's own part of a job.

    Raises:
        InvalidJob: It is not a JSON object.
    """
    try:
        return msgspec.json.decode(spec_json or "{}", type=dict[str, object])
    except msgspec.DecodeError as exc:
        message = f"spec is not a JSON object: {exc}"
        raise InvalidJob(message, (FieldError(field="spec", message=str(exc)),)) from exc


class Judge:
    """Lets each job's kind look at what its attempts produced."""

    def __init__(self) -> None:
        self._parsed: OrderedDict[JobId, object] = OrderedDict()

    def judged(self, job: Job, end: AttemptEnd) -> AttemptEnd:
        """An attempt's end after its kind has looked at it."""
        if end.outcome is not AttemptOutcome.SUCCEEDED:
            return end
        kind = find_kind(job.spec.kind)
        shortfall = kind.judge(self._parsed_spec(job), end.outputs)
        if shortfall is None:
            return end
        failure = Failure(reason=shortfall.reason, message=shortfall.message, exit_code=0)
        return AttemptEnd(outcome=AttemptOutcome.FAILED, failure=failure)

    def _parsed_spec(self, job: Job) -> object:
        # A job may have a hundred thousand tasks, and a spec to match.
        parsed = self._parsed.get(job.id)
        if parsed is None:
            kind = find_kind(job.spec.kind)
            parsed = self._parsed[job.id] = kind.parse_spec(decode_spec(job.spec.spec_json))
            if len(self._parsed) > MAX_PARSED_SPECS:
                self._parsed.popitem(last=False)
        return parsed


def spec_digest(spec: JobSpec) -> str:
    """What tells two requests apart: of all that was asked for, as it was asked for."""
    return hashlib.sha256(msgspec.json.encode(spec, order="deterministic")).hexdigest()
