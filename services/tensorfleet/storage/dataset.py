"""Datasets and their versions."""

from dataclasses import dataclass
from datetime import datetime

from tensorfleet.shared.ids import ArtifactId


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset:
    """A named collection of data."""

    name: str
    description: str
    latest_version: int
    create_time: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetVersion:
    """One state of a dataset; versions count from 1 without gaps."""

    dataset: str
    version: int
    artifact_id: ArtifactId
    size_bytes: int
    file_count: int
    owner: str
    create_time: datetime
