"""A version as the model registry knows it."""

from dataclasses import dataclass
from datetime import timedelta

from tensorfleet.shared.ids import ArtifactId

# For so long an answer of the registry is taken as still true.
FRESH = timedelta(seconds=1)
# For so long an old answer is good enough when the registry does not answer.
STALE = timedelta(minutes=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisteredVersion:
    """Which files a version has. A later attempt of its task may replace them."""

    project: str
    model: str
    version: int
    artifact_id: ArtifactId
    size_bytes: int
    signature_json: str

    @property
    def key(self) -> tuple[str, str, int]:
        """What names the version in the whole fleet."""
        return self.project, self.model, self.version
