"""Results of jobs: rows, what they mean, and pictures of them."""

from typing import Annotated, Any

import msgspec
from msgspec import Meta


class ResultsJob(msgspec.Struct, frozen=True, kw_only=True):
    """The job that results are of."""

    id: str
    kind: str
    name: str
    state: str


class JobResults(msgspec.Struct, frozen=True, kw_only=True):
    """What a job gave so far."""

    job: ResultsJob
    is_complete: Annotated[bool, Meta(description="Whether the job has ended")]
    rows: Annotated[
        list[dict[str, Any]],
        Meta(description="A table; its columns are the kind's. By default one row a task"),
    ]
    report: Annotated[
        dict[str, Any], Meta(description="What the results mean; empty for kinds without one")
    ]


class Plot(msgspec.Struct, frozen=True, kw_only=True):
    """A picture that can be drawn of a job's results."""

    name: str
    title: str
    urls: Annotated[dict[str, str], Meta(description="Where it is, by format: png and svg")]


class PlotList(msgspec.Struct, frozen=True, kw_only=True):
    """The pictures of a job's kind."""

    plots: list[Plot]
