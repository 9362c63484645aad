"""Every error that TensorFleet raises on purpose.

TensorFleetError
├── InvalidInput: the request itself is wrong; sending it again will not help
│   ├── InvalidJob, UnknownKind, InvalidName, InvalidArtifact, InvalidPageToken
│   └── DigestMismatch, TooLarge
├── NotFound: it is not there, or belongs to another project
│   ├── JobNotFound, WorkerNotFound, DefinitionNotFound
│   └── UploadNotFound, ArtifactNotFound, DatasetNotFound, CheckpointNotFound, ModelNotFound
├── Conflict: it does not fit the present state
│   ├── IdempotencyConflict, NameTaken, JobEnded, JobNotEnded, LeaseLost, InUse
│   ├── NotAGang, AddressGiven, PeerEnded
│   └── UploadIncomplete, ModelNotServable, VersionMismatch, WorkerNameTaken
├── Unauthenticated: nobody known, or a wrong token or password
├── PermissionDenied: known, but not allowed
├── RateLimited: too much at once
├── Unimplemented: part of the contract that this version does not have
├── Unavailable: something needed does not answer now; try again
└── DeadlineExceeded: no answer in time
"""

from dataclasses import dataclass
from typing import ClassVar


class TensorFleetError(Exception):
    """Something that a caller can react to. `str()` is a message that says what to do.

    `reason` is stable across versions and languages; it travels in gRPC's `ErrorInfo` and in the
    `code` of HTTP problems.
    """

    reason: ClassVar[str] = "INTERNAL"


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldError:
    """One wrong field of a request: its dotted path and what is wrong with it."""

    field: str
    message: str


class InvalidInput(TensorFleetError):
    """The request is wrong. `fields` says where, when that is known."""

    reason = "INVALID_INPUT"

    def __init__(self, message: str, fields: tuple[FieldError, ...] = ()) -> None:
        super().__init__(message)
        self.fields = fields


class InvalidJob(InvalidInput):
    """A job's description is not acceptable."""

    reason = "INVALID_JOB"


class UnknownKind(InvalidInput):
    """No kind of job has this name."""

    reason = "UNKNOWN_KIND"


class InvalidName(InvalidInput):
    """A name has characters that are not allowed, or is too long."""

    reason = "INVALID_NAME"


class InvalidArtifact(InvalidInput):
    """A manifest is not acceptable: a path that leaves its folder, a malformed digest, ..."""

    reason = "INVALID_ARTIFACT"


class InvalidPageToken(InvalidInput):
    """A page token was not given out by this fleet, or belongs to another list."""

    reason = "INVALID_PAGE_TOKEN"


class DigestMismatch(InvalidInput):
    """Received bytes do not have the announced SHA-256 or size."""

    reason = "DIGEST_MISMATCH"


class TooLarge(InvalidInput):
    """A request is larger than allowed."""

    reason = "TOO_LARGE"


class NotFound(TensorFleetError):
    """It does not exist, or belongs to another project."""

    reason = "NOT_FOUND"


class JobNotFound(NotFound):
    """No such job."""

    reason = "JOB_NOT_FOUND"


class WorkerNotFound(NotFound):
    """No such worker."""

    reason = "WORKER_NOT_FOUND"


class DefinitionNotFound(NotFound):
    """The project has no such definition, such as an algorithm."""

    reason = "DEFINITION_NOT_FOUND"


class UploadNotFound(NotFound):
    """No such upload, or it has expired."""

    reason = "UPLOAD_NOT_FOUND"


class ArtifactNotFound(NotFound):
    """No such artifact."""

    reason = "ARTIFACT_NOT_FOUND"


class DatasetNotFound(NotFound):
    """No such dataset or version."""

    reason = "DATASET_NOT_FOUND"


class CheckpointNotFound(NotFound):
    """The task has no checkpoint."""

    reason = "CHECKPOINT_NOT_FOUND"


class ModelNotFound(NotFound):
    """No such model or version."""

    reason = "MODEL_NOT_FOUND"


class Conflict(TensorFleetError):
    """The request does not fit the present state."""

    reason = "CONFLICT"


class IdempotencyConflict(Conflict):
    """The same request id came with another body."""

    reason = "IDEMPOTENCY_CONFLICT"


class NameTaken(Conflict):
    """Something else has this name already. Choose another one."""

    reason = "NAME_TAKEN"


class JobEnded(Conflict):
    """The job has ended and takes nothing more."""

    reason = "JOB_ENDED"


class JobNotEnded(Conflict):
    """The job has not ended yet."""

    reason = "JOB_NOT_ENDED"


class LeaseLost(Conflict):
    """The attempt is not the task's current one; whatever it reports is void."""

    reason = "LEASE_LOST"


class NotAGang(Conflict):
    """The tasks of the job need not run at the same time, so they cannot meet. Ask for a gang."""

    reason = "NOT_A_GANG"


class AddressGiven(Conflict):
    """The attempt has told the others of its gang another address before."""

    reason = "ADDRESS_GIVEN"


class PeerEnded(Conflict):
    """A task of the gang had ended before the others started again; it cannot be met."""

    reason = "PEER_ENDED"


class InUse(Conflict):
    """Something else refers to it."""

    reason = "IN_USE"


class UploadIncomplete(Conflict):
    """Some contents of an upload have not been PUT yet."""

    reason = "UPLOAD_INCOMPLETE"


class ModelNotServable(Conflict):
    """The model's files are not a model that the inference service can run."""

    reason = "MODEL_NOT_SERVABLE"


class VersionMismatch(Conflict):
    """The two sides run versions that do not fit."""

    reason = "VERSION_MISMATCH"


class WorkerNameTaken(Conflict):
    """Another worker of this name is attached. Give each worker a name of its own."""

    reason = "WORKER_NAME_TAKEN"


class Unauthenticated(TensorFleetError):
    """No credentials, or wrong ones."""

    reason = "UNAUTHENTICATED"


class PermissionDenied(TensorFleetError):
    """The caller may not do this."""

    reason = "PERMISSION_DENIED"


class RateLimited(TensorFleetError):
    """Too many requests; try again later."""

    reason = "RATE_LIMITED"


class Unimplemented(TensorFleetError):
    """Part of the contract that this version does not have."""

    reason = "UNIMPLEMENTED"


class Unavailable(TensorFleetError):
    """Something needed does not answer now; the same request may succeed later."""

    reason = "UNAVAILABLE"


class DeadlineExceeded(TensorFleetError):
    """No answer in time; whether the request took effect is not known."""

    reason = "DEADLINE_EXCEEDED"


def every_error_class() -> dict[str, type[TensorFleetError]]:
    """All classes of the tree by their reason."""
    found: dict[str, type[TensorFleetError]] = {}
    pending: list[type[TensorFleetError]] = [TensorFleetError]
    while pending:
        cls = pending.pop()
        found[cls.reason] = cls
        pending.extend(cls.__subclasses__())
    return found


def error_from_reason(
    reason: str, message: str, fields: tuple[FieldError, ...] = ()
) -> TensorFleetError:
    """The error that another process raised, from its reason; unknown reasons give the root."""
    cls = every_error_class().get(reason, TensorFleetError)
    if issubclass(cls, InvalidInput):
        return cls(message, fields)
    return cls(message)
