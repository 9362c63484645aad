"""The orchestrator's settings."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Literal

from msgspec import Meta

from tensorfleet.orchestrator.scheduling.waiting import Quota
from tensorfleet.shared.settings import MongoSettings, RedisSettings, ServiceSettings


@dataclass(frozen=True, kw_only=True)
class OrchestratorSettings(MongoSettings, RedisSettings, ServiceSettings):
    """What the orchestrator reads from its environment."""

    orchestrator_listen: Annotated[str, Meta(description="gRPC address, host:port")] = (
        "127.0.0.1:7101"
    )
    orchestrator_metrics_listen: Annotated[
        str, Meta(description="Address of /metrics, host:port; empty: none")
    ] = "127.0.0.1:7111"
    lease_seconds: Annotated[
        float, Meta(description="A worker silent for this long has lost its tasks, seconds", gt=0)
    ] = 15.0
    renew_interval_seconds: Annotated[
        float, Meta(description="How often workers renew their leases, seconds", gt=0)
    ] = 5.0

    placement_policy: Annotated[
        Literal["resource-fit", "least-loaded", "round-robin", "affinity"],
        Meta(description="On which of the workers with room a task runs"),
    ] = "resource-fit"
    ageing_minutes: Annotated[
        float, Meta(description="Waiting this long is worth one class of priority", gt=0)
    ] = 10.0
    user_quota_cpus: Annotated[
        float, Meta(description="Cores one user's tasks may hold in a project; 0: no limit", ge=0)
    ] = 0.0
    user_quota_gpus: Annotated[
        int, Meta(description="GPUs one user's tasks may hold in a project; -1: no limit", ge=-1)
    ] = -1
    project_quota_cpus: Annotated[
        float, Meta(description="Cores a project's tasks may hold; 0: no limit", ge=0)
    ] = 0.0
    project_quota_gpus: Annotated[
        int, Meta(description="GPUs a project's tasks may hold; -1: no limit", ge=-1)
    ] = -1
    refuse_impossible_jobs: Annotated[
        bool, Meta(description="Refuse a job that no known worker could ever run")
    ] = True
    keep_events_days: Annotated[
        float, Meta(description="How long events of jobs are kept, days", gt=0)
    ] = 30.0
    keep_events_bytes: Annotated[
        int, Meta(description="Events of one job beyond this size lose their oldest, bytes", gt=0)
    ] = 256 * 1024 * 1024

    @property
    def user_quota(self) -> Quota:
        """What one user may hold."""
        return _quota(self.user_quota_cpus, self.user_quota_gpus)

    @property
    def project_quota(self) -> Quota:
        """What one project may hold."""
        return _quota(self.project_quota_cpus, self.project_quota_gpus)

    @property
    def lease(self) -> timedelta:
        """The lease."""
        return timedelta(seconds=self.lease_seconds)

    @property
    def renew_interval(self) -> timedelta:
        """The interval between renewals."""
        return timedelta(seconds=self.renew_interval_seconds)


def _quota(cpus: float, gpus: int) -> Quota:
    return Quota(cpus=cpus or None, gpus=None if gpus < 0 else gpus)
