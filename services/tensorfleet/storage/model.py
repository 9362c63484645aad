"""Models and their versions."""

import enum
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from tensorfleet.shared.errors import FieldError, InvalidInput
from tensorfleet.shared.ids import ArtifactId, JobId, TaskId
from tensorfleet.storage.fence import FencingToken

MAX_SIGNATURE_BYTES = 1024 * 1024
MAX_METRICS = 1000
MAX_METRIC_NAME_LENGTH = 256


class ModelStage(enum.Enum):
    """How far a version has come. Any stage may follow any other."""

    NONE = "none"
    STAGING = "staging"
    PRODUCTION = "production"
    ARCHIVED = "archived"


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A named model. `production_version` is zero when no version is in production."""

    name: str
    description: str
    latest_version: int
    production_version: int
    create_time: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSource:
    """The attempt that made a version."""

    job_id: JobId
    task_id: TaskId
    attempt: int

    @property
    def token(self) -> FencingToken:
        """The source as the right to write."""
        return FencingToken(task_id=self.task_id, attempt=self.attempt)


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelVersion:
    """One trained state of a model; versions count from 1 without gaps.

    `source` is None when it was uploaded by hand.
    """

    model: str
    version: int
    stage: ModelStage
    artifact_id: ArtifactId
    size_bytes: int
    signature_json: str
    metrics: Mapping[str, float]
    source: ModelSource | None
    owner: str
    create_time: datetime


def check_signature(signature_json: str) -> str:
    """The signature itself. What it says is the inference service's business.

    Raises:
        InvalidInput: It is not a JSON object, or above 1 MiB.
    """
    problem = ""
    if len(signature_json) > MAX_SIGNATURE_BYTES:
        problem = f"is longer than {MAX_SIGNATURE_BYTES} bytes"
    else:
        try:
            value = json.loads(signature_json)
        except (ValueError, RecursionError):
            problem = "is not JSON"
        else:
            if not isinstance(value, dict):
                problem = "is not a JSON object"
    if problem:
        message = f'signature_json {problem}; give {{"inputs": [...], "outputs": [...]}}'
        raise InvalidInput(message, (FieldError(field="signature_json", message=message),))
    return signature_json


def check_metrics(metrics: Mapping[str, float]) -> dict[str, float]:
    """The metrics, as a dictionary; NaN and infinity are values like others.

    Raises:
        InvalidInput: Too many, or a name that is empty or too long.
    """
    if len(metrics) > MAX_METRICS:
        message = f"metrics has {len(metrics)} entries, at most {MAX_METRICS} are allowed"
        raise InvalidInput(message, (FieldError(field="metrics", message=message),))
    for name in metrics:
        if not 1 <= len(name) <= MAX_METRIC_NAME_LENGTH:
            message = f"metric names must have 1 to {MAX_METRIC_NAME_LENGTH} characters"
            raise InvalidInput(message, (FieldError(field="metrics", message=message),))
    return dict(metrics)
