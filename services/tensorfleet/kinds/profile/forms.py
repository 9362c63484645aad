"""Shorter requests that become profile jobs."""

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from tensorfleet.kinds.profile.algorithms.algorithm import Algorithm
from tensorfleet.kinds.profile.measurement import Measuring
from tensorfleet.shared.rest.jobs import AskedResources, Labels, Priority

_SPEC_FIELDS = ("sizes", "inputs", "seed", "check_outputs", "environment")
_JOB_FIELDS = ("code", "priority", "labels", "resources")


class PairMeasuring(Measuring, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the times of a comparison are taken: in more rounds, because each round is one
    observation of the difference. Of its short values those are compared that were taken in the
    same millisecond, and so under the same conditions."""

    processes: int = 30
    """Rounds; in each, every side has a fresh process."""
    values: int = 20
    """Of each side, one of each in turn; fewer where a call takes long."""


class Compare(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A wish to compare two algorithms on the same inputs, interleaved on one worker."""

    a: Annotated[
        str | Algorithm,
        Meta(description='An algorithm: its name, "module:function", or its description'),
    ]
    b: Annotated[str | Algorithm, Meta(description="What it is compared with")]
    inputs: Annotated[
        tuple[str, ...], Meta(description="Kinds of input; empty: the first that both take")
    ] = ()
    sizes: Annotated[
        tuple[int, ...], Meta(description="Sizes of the input; empty: those of the slower one")
    ] = ()
    seed: Annotated[int, Meta(description="Of the inputs")] = 1
    measuring: Annotated[PairMeasuring, Meta(description="How times are taken")] = PairMeasuring()
    check_outputs: Annotated[bool, Meta(description="Whether their answers must be the same")] = (
        True
    )
    environment: Annotated[
        dict[str, str], Meta(description="Variables for the measured processes")
    ] = {}
    code: Annotated[
        str, Meta(max_length=4096, description="Artifact id of the code of own functions")
    ] = ""
    name: Annotated[str, Meta(max_length=256, description='Empty: "a against b"')] = ""
    priority: Annotated[Priority, Meta(description="Which queue it waits in")] = "normal"
    labels: Annotated[Labels, Meta(description="For people and filters")] = {}
    resources: Annotated[AskedResources, Meta(description="What it needs")] = msgspec.field(
        default_factory=AskedResources
    )

    def to_job(self) -> dict[str, Any]:
        """The job, as `POST /api/v1/jobs` takes it."""
        spec: dict[str, Any] = {name: getattr(self, name) for name in _SPEC_FIELDS}
        spec["algorithms"] = (self.a, self.b)
        spec["compare"] = True
        # With all its fields: what is left out would be taken from the defaults of a series.
        spec["measuring"] = msgspec.structs.asdict(self.measuring)
        job = {
            "kind": "profile",
            "name": self.name or f"{_name(self.a)} against {_name(self.b)}"[:256],
            "spec": spec,
            **{name: getattr(self, name) for name in _JOB_FIELDS},
        }
        document: dict[str, Any] = msgspec.to_builtins(job)
        return document


def _name(algorithm: str | Algorithm) -> str:
    return algorithm if isinstance(algorithm, str) else algorithm.name


FORMS: dict[str, type[msgspec.Struct]] = {"compare": Compare}
"""By the name of their REST path."""
