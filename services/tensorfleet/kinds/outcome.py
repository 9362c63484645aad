"""What a kind's `result` judges: the outputs of a task that ended well by its exit status."""

from dataclasses import dataclass
from enum import Enum

# Exit status of a task's process whose entrypoint is not there. What sysexits and shells use for
# their own troubles is used by user code too, so this lies where hardly any program's does.
ENTRYPOINT_MISSING_STATUS = 216


class OutputType(Enum):
    """What sort of thing a task produced."""

    MODEL_VERSION = "model_version"
    CHECKPOINT = "checkpoint"
    DATASET_VERSION = "dataset_version"
    ARTIFACT = "artifact"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProducedOutput:
    """One thing that a task produced and storage keeps. `version` is 0 where there are none."""

    type: OutputType
    name: str
    version: int
    artifact_id: str


class EntrypointMissing(Exception):
    """The code folder does not have what the job wants to run. Raised by a kind's `run`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shortfall:
    """What is missing from a task's results: a stable reason, and what to do about it."""

    reason: str
    message: str
