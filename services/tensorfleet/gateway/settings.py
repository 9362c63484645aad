"""What the gateway can be told."""

from dataclasses import dataclass
from typing import Annotated

from msgspec import Meta

from tensorfleet.shared.settings import MongoSettings, ServiceSettings


@dataclass(frozen=True, kw_only=True)
class GatewaySettings(MongoSettings, ServiceSettings):
    """Settings of the gateway."""

    gateway_listen: Annotated[str, Meta(description="host:port of the HTTP server")] = (
        "127.0.0.1:7100"
    )
    jwt_secret: Annotated[
        str, Meta(min_length=32, description="Secret that signs users' tokens; 32 characters")
    ]
    admin_password: Annotated[
        str,
        Meta(description="Password of the user admin, made at the first start; empty: generate"),
    ] = ""
    access_token_ttl_seconds: Annotated[
        int, Meta(ge=1, description="How long a user's token is good, seconds")
    ] = 3600
    orchestrator_address: Annotated[str, Meta(description="host:port of the orchestrator")] = (
        "127.0.0.1:7101"
    )
    storage_address: Annotated[str, Meta(description="host:port of storage")] = "127.0.0.1:7102"
    inference_address: Annotated[str, Meta(description="host:port of inference")] = "127.0.0.1:7103"
    monitoring_address: Annotated[str, Meta(description="host:port of monitoring")] = (
        "127.0.0.1:7104"
    )
    max_body_bytes: Annotated[
        int, Meta(ge=1024, description="Longest body of a request, bytes; files do not pass here")
    ] = 8 * 1024 * 1024
    cors_allowed_origins: Annotated[
        str, Meta(description="Web origins that may call, separated by commas; empty: none")
    ] = ""
    event_keep_alive_seconds: Annotated[
        float, Meta(gt=0, description="Silence in an event stream before a sign of life, seconds")
    ] = 15.0

    event_reader_patience_seconds: Annotated[
        float,
        Meta(gt=0, description="How long a reader of events may take nothing until it is closed"),
    ] = 30.0
    results_process_idle_seconds: Annotated[
        float,
        Meta(gt=0, description="How long the process for results and plots stays unused, seconds"),
    ] = 300.0
    results_process_memory_bytes: Annotated[
        int, Meta(ge=2**28, description="Memory that this process may take, bytes")
    ] = 4 * 1024**3
    results_limit_seconds: Annotated[
        float, Meta(gt=0, description="Longest time to work out one answer or plot, seconds")
    ] = 60.0
    results_max_bytes: Annotated[
        int, Meta(ge=1024, description="Results of one job that fit into one answer, bytes of JSON")
    ] = 256 * 1024 * 1024

    @property
    def allowed_origins(self) -> list[str]:
        """The origins of `cors_allowed_origins`."""
        return [part.strip() for part in self.cors_allowed_origins.split(",") if part.strip()]
