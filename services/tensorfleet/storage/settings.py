"""Settings of the storage service."""

from dataclasses import dataclass
from typing import Annotated

from msgspec import Meta

from tensorfleet.shared.settings import MongoSettings, S3Settings, ServiceSettings

MIB = 1024 * 1024

# S3 signs for seven days at most.
_MAX_URL_SECONDS = 7 * 24 * 3600


@dataclass(frozen=True, kw_only=True)
class StorageSettings(ServiceSettings, MongoSettings, S3Settings):
    """What the storage service takes."""

    storage_listen: Annotated[str, Meta(description="host:port of the gRPC server")] = (
        "127.0.0.1:7102"
    )
    storage_metrics_listen: Annotated[
        str, Meta(description="host:port of Prometheus /metrics; empty: none")
    ] = "127.0.0.1:7112"
    upload_ttl_seconds: Annotated[
        int,
        Meta(
            description="How long an upload may take before it is forgotten, seconds",
            ge=60,
            le=_MAX_URL_SECONDS,
        ),
    ] = 24 * 3600
    url_ttl_seconds: Annotated[
        int,
        Meta(description="How long download URLs work, seconds", ge=60, le=_MAX_URL_SECONDS),
    ] = 3600
    upload_part_bytes: Annotated[
        int,
        Meta(
            description="Contents above this size are uploaded in parts of about it, bytes",
            ge=5 * MIB,
            le=5 * 1024 * MIB,
        ),
    ] = 64 * MIB
    storage_transfer_threads: Annotated[
        int, Meta(description="Contents checked and copied at a time, 1 MiB each", ge=1, le=64)
    ] = 8
