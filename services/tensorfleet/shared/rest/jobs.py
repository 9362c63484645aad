"""Jobs, their tasks and checkpoints."""

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

Priority = Literal["high", "normal", "low"]
JobState = Literal["pending", "running", "paused", "succeeded", "failed", "cancelled"]
TaskState = Literal["queued", "running", "succeeded", "failed", "cancelled"]
AttemptOutcome = Literal["running", "succeeded", "failed", "lost", "cancelled", "preempted"]
OutputType = Literal["model_version", "checkpoint", "dataset_version", "artifact"]

TERMINAL_JOB_STATES: frozenset[JobState] = frozenset({"succeeded", "failed", "cancelled"})

MAX_LABELS = 32
MAX_TIMEOUT_SECONDS = 10 * 365 * 24 * 3600.0
MAX_BACKOFF_SECONDS = 7 * 24 * 3600.0
MAX_JOBS_BEFORE = 100
MAX_RETRY_RULES = 16
MAX_LOG_PATTERN_LENGTH = 256

Labels = Annotated[
    dict[
        Annotated[str, Meta(min_length=1, max_length=128)],
        Annotated[str, Meta(max_length=256)],
    ],
    Meta(max_length=MAX_LABELS),
]


class AskedResources(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What each task of a job needs."""

    cpus: (
        Annotated[
            float,
            Meta(
                gt=0, le=100_000, description="Cores; fractions are fine. Absent: as its kind needs"
            ),
        ]
        | None
    ) = None
    memory: (
        Annotated[
            int | str,
            Meta(
                description='Main memory: "512MiB", "1.5GiB", or a number of bytes. Absent: as its '
                "kind needs"
            ),
        ]
        | None
    ) = None
    gpus: Annotated[int, Meta(ge=0, le=100_000, description="Whole GPUs")] = 0
    gpu_kind: Annotated[
        str, Meta(max_length=128, description='Kind of GPU ("h200"); empty accepts any')
    ] = ""
    labels: Annotated[Labels, Meta(description="Labels that a worker must carry")] = {}
    exclusive: (
        Annotated[
            bool,
            Meta(description="Alone on its worker, as measurements need; else as its kind needs"),
        ]
        | None
    ) = None


class RetryRule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What follows attempts that failed in a certain way; it fits when all that it names does."""

    reasons: Annotated[
        list[Annotated[str, Meta(max_length=64, pattern="^[A-Z][A-Z0-9_]*$")]],
        Meta(max_length=32, description="Reasons of the failure (OUT_OF_MEMORY); empty: any"),
    ] = []
    exit_codes: Annotated[
        list[Annotated[int, Meta(ge=0, le=255)]],
        Meta(max_length=64, description="Exit statuses of the process; empty: any"),
    ] = []
    log_pattern: Annotated[
        str,
        Meta(
            max_length=MAX_LOG_PATTERN_LENGTH,
            description='Text that one of the last lines contains, "*" for anything; empty: any',
        ),
    ] = ""
    max_retries: Annotated[
        int,
        Meta(ge=0, le=100, description="Attempts of this sort that are followed by another; 0: no"),
    ]


class CreateJob(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A job to do: the body of a request, and the shape of a job file."""

    kind: Annotated[
        str, Meta(min_length=1, max_length=128, description="Kind of job, by the name of its room")
    ]
    name: Annotated[str, Meta(max_length=256, description="For people; empty: the kind")] = ""
    priority: Annotated[Priority, Meta(description="Which queue its tasks wait in")] = "normal"
    code: Annotated[
        str,
        Meta(
            max_length=4096,
            description="Artifact id of the code; in a job file, the folder that holds it",
        ),
    ] = ""
    resources: Annotated[AskedResources, Meta(description="What each task needs")] = msgspec.field(
        default_factory=AskedResources
    )
    max_attempts: Annotated[
        int, Meta(ge=1, le=100, description="Tries of a task that fails by its own code")
    ] = 1
    retry_rules: Annotated[
        list[RetryRule],
        Meta(
            max_length=MAX_RETRY_RULES,
            description="The first one that fits a failed attempt decides instead of max_attempts",
        ),
    ] = []
    initial_backoff_seconds: (
        Annotated[
            float,
            Meta(
                ge=0,
                le=MAX_BACKOFF_SECONDS,
                description="Wait before the second attempt; it doubles each time. None: 1",
            ),
        ]
        | None
    ) = None
    max_backoff_seconds: (
        Annotated[
            float,
            Meta(
                ge=0, le=MAX_BACKOFF_SECONDS, description="Longest wait between attempts. None: 60"
            ),
        ]
        | None
    ) = None
    not_before_time: (
        Annotated[
            datetime,
            Meta(tz=True, description="Starts no earlier; with a time zone. None: at once"),
        ]
        | None
    ) = None
    after: Annotated[
        list[Annotated[str, Meta(min_length=1, max_length=64)]],
        Meta(
            max_length=MAX_JOBS_BEFORE,
            description="Ids of jobs that must have succeeded before; it is cancelled when one "
            "does not",
        ),
    ] = []
    gang: Annotated[
        bool, Meta(description="Its tasks start all together or not at all, also again")
    ] = False
    preemptible: Annotated[
        bool,
        Meta(description="A more urgent job may stop its tasks; they checkpoint and queue again"),
    ] = False
    timeout_seconds: (
        Annotated[
            float, Meta(gt=0, le=MAX_TIMEOUT_SECONDS, description="Longest time of one attempt")
        ]
        | None
    ) = None
    labels: Annotated[Labels, Meta(description="For people and filters")] = {}
    spec: Annotated[dict[str, Any], Meta(description="The kind's own part")] = {}


class CancelJob(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A wish to cancel a job."""

    reason: Annotated[str, Meta(max_length=1024, description="For the record")] = ""


class Resources(msgspec.Struct, frozen=True, kw_only=True):
    """What a task needs, or what a worker has."""

    cpus: float
    memory_bytes: int
    gpus: int
    gpu_kind: str
    labels: dict[str, str]
    exclusive: bool = False
    """Of a task: alone on its worker."""


class TaskCounts(msgspec.Struct, frozen=True, kw_only=True):
    """How many tasks of a job are in which state."""

    total: int
    queued: int
    running: int
    succeeded: int
    failed: int
    cancelled: int


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """Why something did not succeed."""

    reason: str
    """Stable, upper snake case: USER_CODE, OUT_OF_MEMORY, TIMEOUT, ..."""
    message: str
    """What happened and what to do about it."""
    exit_code: int | None = None
    signal: int | None = None
    output_tail: list[str] = []
    """The last lines that the process wrote, oldest first."""


class Output(msgspec.Struct, frozen=True, kw_only=True):
    """Something a task produced that is kept."""

    type: OutputType
    name: str
    """Of the model, dataset or artifact; for a checkpoint, its step."""
    version: int
    """From 1; zero where there are no versions."""
    artifact_id: str


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """One piece of work that a user handed in."""

    id: str
    kind: str
    name: str
    state: JobState
    priority: Priority
    spec: dict[str, Any]
    code: str
    """Artifact id of the code; empty means none."""
    resources: Resources
    max_attempts: int
    timeout_seconds: float | None
    labels: dict[str, str]
    owner: str
    project: str
    create_time: datetime
    start_time: datetime | None
    end_time: datetime | None
    cancel_request_time: datetime | None
    tasks: TaskCounts
    failure: Failure | None
    outputs: list[Output]
    retry_rules: list[RetryRule] = []
    initial_backoff_seconds: float | None = None
    max_backoff_seconds: float | None = None
    not_before_time: datetime | None = None
    after: list[str] = []
    """Ids of the jobs that must have succeeded before."""
    gang: bool = False
    preemptible: bool = False

    @property
    def is_terminal(self) -> bool:
        """Whether it has ended."""
        return self.state in TERMINAL_JOB_STATES


class JobPage(msgspec.Struct, frozen=True, kw_only=True):
    """Some jobs, newest first."""

    jobs: list[Job]
    next_page_token: str
    """Empty when there is no further page."""


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """One try at a task on one worker."""

    number: int
    worker_id: str
    start_time: datetime | None
    end_time: datetime | None
    outcome: AttemptOutcome
    failure: Failure | None


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """The unit that one worker runs."""

    id: str
    job_id: str
    index: int
    state: TaskState
    resources: Resources
    plan: dict[str, Any]
    """The kind's own description of this task."""
    attempts: list[Attempt]
    """Oldest first."""
    create_time: datetime | None
    result: Any = None
    """The kind's own result, once it succeeded; null when there is none."""


class TaskPage(msgspec.Struct, frozen=True, kw_only=True):
    """Some tasks of a job, by index."""

    tasks: list[Task]
    next_page_token: str


class Checkpoint(msgspec.Struct, frozen=True, kw_only=True):
    """The saved state of a task, from which a later attempt goes on."""

    job_id: str
    task_id: str
    attempt: int
    step: int
    artifact_id: str
    size_bytes: int
    create_time: datetime | None


class CheckpointPage(msgspec.Struct, frozen=True, kw_only=True):
    """Some checkpoints of a job, newest first."""

    checkpoints: list[Checkpoint]
    next_page_token: str
