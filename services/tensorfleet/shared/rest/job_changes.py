"""Changes of a job that waits or runs, and why it waits."""

from datetime import datetime
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType

from tensorfleet.shared.errors import InvalidInput
from tensorfleet.shared.rest.checking import check_document, problems_error
from tensorfleet.shared.rest.job_files import name_problems
from tensorfleet.shared.rest.jobs import JobState, Priority

LabelChanges = Annotated[
    dict[
        Annotated[str, Meta(min_length=1, max_length=128)],
        Annotated[str, Meta(max_length=256)] | None,
    ],
    Meta(max_length=64),
]


class UpdateJob(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is to be different, as a JSON merge patch (RFC 7396): null means the default."""

    priority: Annotated[
        Priority | UnsetType | None, Meta(description="Which queue its tasks wait in")
    ] = UNSET
    name: (
        Annotated[str, Meta(max_length=256, description="For people; null: the kind")]
        | UnsetType
        | None
    ) = UNSET
    labels: (
        Annotated[LabelChanges, Meta(description="Labels to set; null removes one, or all")]
        | UnsetType
        | None
    ) = UNSET


def check_update(document: Any) -> UpdateJob:
    """A merge patch, from decoded JSON.

    Raises:
        InvalidInput: With one field error for each wrong field.
    """
    update = check_document(document, UpdateJob)
    if problems := name_problems(update.name):
        raise problems_error(problems, InvalidInput, "body")
    return update


class Blocker(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that stands in a job's way."""

    reason: str
    """RESOURCES, QUOTA, DEPENDENCY, GANG, PAUSED, DELAYED or BEHIND_OTHERS."""
    message: str
    """What is missing and what would help."""


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """Why a job waits."""

    job_id: str
    state: JobState
    queue_position: int
    """Tasks that will be claimed before its first one; 0 when it is next or does not wait."""
    blockers: list[Blocker]
    """Everything that stands in its way."""
    estimated_start_time: datetime | None
    """When it may start, as far as can be told."""
