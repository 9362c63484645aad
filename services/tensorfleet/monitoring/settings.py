"""What monitoring can be told."""

from dataclasses import dataclass
from typing import Annotated

from msgspec import Meta

from tensorfleet.shared.settings import ServiceSettings


@dataclass(frozen=True, kw_only=True)
class MonitoringSettings(ServiceSettings):
    """Settings of monitoring."""

    monitoring_listen: Annotated[str, Meta(description="host:port of the gRPC server")] = (
        "127.0.0.1:7104"
    )
    monitoring_http_listen: Annotated[
        str, Meta(description="host:port of the web page, its JSON and /metrics")
    ] = "127.0.0.1:7105"
    monitoring_metrics_listen: Annotated[
        str, Meta(description="Address of /metrics, host:port; empty: none")
    ] = "127.0.0.1:7114"
    orchestrator_address: Annotated[str, Meta(description="host:port of the orchestrator")] = (
        "127.0.0.1:7101"
    )
    storage_address: Annotated[str, Meta(description="host:port of storage")] = "127.0.0.1:7102"
    inference_address: Annotated[str, Meta(description="host:port of inference")] = "127.0.0.1:7103"
    gateway_url: Annotated[str, Meta(description="The gateway: http://host:port")] = (
        "http://127.0.0.1:7100"
    )
    monitoring_interval_seconds: Annotated[
        float, Meta(ge=0.05, description="Time between two looks at everything, seconds")
    ] = 5.0
