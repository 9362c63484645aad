"""Datasets and their versions."""

from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import Meta


class CreateDatasetVersion(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A committed artifact that becomes the next version of a dataset."""

    name: Annotated[str, Meta(description="Letters, digits, '.', '_', '-'; at most 128")]
    artifact_id: Annotated[str, Meta(description="Of a finished upload")]
    description: Annotated[
        str, Meta(max_length=4096, description="For people; empty leaves the old one")
    ] = ""


class DatasetVersion(msgspec.Struct, frozen=True, kw_only=True):
    """One state of a dataset; it never changes."""

    dataset: str
    version: int
    artifact_id: str
    size_bytes: int
    file_count: int
    owner: str
    create_time: datetime | None


class Dataset(msgspec.Struct, frozen=True, kw_only=True):
    """A named collection of data."""

    name: str
    description: str
    latest_version: int
    create_time: datetime | None


class DatasetDetail(msgspec.Struct, frozen=True, kw_only=True):
    """A dataset with a page of its versions, newest first."""

    name: str
    description: str
    latest_version: int
    create_time: datetime | None
    versions: list[DatasetVersion]
    next_page_token: str


class DatasetPage(msgspec.Struct, frozen=True, kw_only=True):
    """Some datasets, by name."""

    datasets: list[Dataset]
    next_page_token: str
