"""The orchestrator's settings."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

from msgspec import Meta

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

    @property
    def lease(self) -> timedelta:
        """The lease."""
        return timedelta(seconds=self.lease_seconds)

    @property
    def renew_interval(self) -> timedelta:
        """The interval between renewals."""
        return timedelta(seconds=self.renew_interval_seconds)
