"""Settings of the inference service."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from msgspec import Meta

from tensorfleet.shared.settings import ServiceSettings

GIB = 1024 * 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class InferenceSettings(ServiceSettings):
    """What the inference service takes."""

    inference_listen: Annotated[str, Meta(description="host:port of the gRPC server")] = (
        "127.0.0.1:7103"
    )
    inference_metrics_listen: Annotated[
        str, Meta(description="host:port of Prometheus /metrics; empty: none")
    ] = "127.0.0.1:7113"
    storage_address: Annotated[str, Meta(description="host:port of the storage service")] = (
        "127.0.0.1:7102"
    )
    inference_cache_dir: Annotated[
        str, Meta(description="Folder for fetched model files; may be lost at any time")
    ] = "~/.cache/tensorfleet/models"
    inference_cache_bytes: Annotated[
        int, Meta(description="How much the folder may hold, bytes", ge=0)
    ] = 20 * GIB
    inference_max_loaded_models: Annotated[
        int, Meta(description="Models in memory at a time; the least recently used one goes", ge=1)
    ] = 16
    inference_max_loaded_bytes: Annotated[
        int, Meta(description="Files of the models in memory at a time, bytes", ge=1)
    ] = 2 * GIB
    inference_compute_threads: Annotated[
        int,
        Meta(description="CPU threads for one prediction; 0: torch decides", ge=0),
    ] = 0

    @property
    def cache_folder(self) -> Path:
        """The cache's folder, with `~` resolved."""
        return Path(self.inference_cache_dir).expanduser()
