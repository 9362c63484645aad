"""Registered models, their versions, and what they predict."""

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from tensorfleet.shared.rest.numbers import Number

ModelStage = Literal["none", "staging", "production", "archived"]


class Model(msgspec.Struct, frozen=True, kw_only=True):
    """A named model."""

    name: str
    description: str
    latest_version: int
    production_version: int
    """Zero when none is in production."""
    create_time: datetime | None


class ModelPage(msgspec.Struct, frozen=True, kw_only=True):
    """Some models, by name."""

    models: list[Model]
    next_page_token: str


class ModelSource(msgspec.Struct, frozen=True, kw_only=True):
    """The attempt that made a model version."""

    job_id: str
    task_id: str
    attempt: int


class ModelVersion(msgspec.Struct, frozen=True, kw_only=True):
    """One trained state of a model."""

    model: str
    version: int
    stage: ModelStage
    artifact_id: str
    size_bytes: int
    signature: dict[str, Any]
    """Its tensors in and out, with -1 in a shape for the batch."""
    metrics: dict[str, Number]
    source: ModelSource | None
    owner: str
    create_time: datetime | None


class ModelVersionPage(msgspec.Struct, frozen=True, kw_only=True):
    """Some versions of a model, newest first."""

    versions: list[ModelVersion]
    next_page_token: str


class Predict(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A batch to predict."""

    inputs: Annotated[
        list[Any] | dict[str, Any],
        Meta(
            description="Nested lists of numbers, one row for each example; with several inputs, "
            "an object of such lists by the input's name"
        ),
    ]
    version: Annotated[int, Meta(ge=1, le=2**53)] | None = None
    """None means the one in production, or the newest when none is."""


class Prediction(msgspec.Struct, frozen=True, kw_only=True):
    """A model's answer."""

    model: str
    version: int
    """The one that answered."""
    outputs: dict[str, Any]
    """Nested lists by the output's name, one row for each row of the inputs."""
    compute_ms: float
    """Time in the model itself."""
