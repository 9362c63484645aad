"""The worker's settings."""

import os
import socket
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import psutil
from msgspec import Meta

from tensorfleet.shared.settings import ServiceSettings


@dataclass(frozen=True, kw_only=True)
class WorkerSettings(ServiceSettings):
    """What a worker reads from its environment."""

    worker_name: Annotated[str, Meta(description="Name, unique in the fleet")] = field(
        default_factory=socket.gethostname
    )
    worker_data_dir: Annotated[
        Path, Meta(description="Folder of this worker alone, for running tasks and its cache")
    ]
    worker_cpus: Annotated[
        float, Meta(description="Cores that tasks may ask for; default: the machine's", gt=0)
    ] = field(default_factory=lambda: float(os.cpu_count() or 1))
    worker_memory_bytes: Annotated[
        int, Meta(description="Memory that tasks may ask for, bytes; default: the machine's", gt=0)
    ] = field(default_factory=lambda: psutil.virtual_memory().total)
    worker_gpus: Annotated[
        int, Meta(description="GPUs that tasks may ask for, numbered from 0", ge=0)
    ] = 0
    worker_gpu_kind: Annotated[str, Meta(description='Kind of those GPUs, like "h200"')] = ""
    worker_slots: Annotated[
        int,
        Meta(
            description="Tasks at a time at most; cores and memory limit large ones long before",
            ge=1,
            le=10_000,
        ),
    ] = 1_000
    worker_shared_processes: Annotated[
        int,
        Meta(description="Processes that run many small tasks, at most; 0: four a core", ge=0),
    ] = 0
    worker_shared_process_tasks: Annotated[
        int, Meta(description="Tasks after which such a process is replaced", ge=1)
    ] = 100_000
    worker_peer_host: Annotated[
        str,
        Meta(
            description="Where tasks of one job on other machines reach those here; empty: the "
            "address from which this machine reaches the orchestrator"
        ),
    ] = ""
    worker_cache_bytes: Annotated[
        int, Meta(description="Disk for datasets and code kept between tasks, bytes", ge=0)
    ] = 20 * 1024**3
    worker_memory_tolerance: Annotated[
        float,
        Meta(description="A task may use this many times the memory that it asked for", ge=1),
    ] = 1.25
    worker_task_disk_bytes: Annotated[
        int, Meta(description="Disk that one task's files may take, bytes; 0: any amount", ge=0)
    ] = 50 * 1024**3
    worker_task_open_files: Annotated[
        int, Meta(description="Files that each process of a task may have open", ge=64)
    ] = 65_536
    worker_output_bytes: Annotated[
        int,
        Meta(
            description="Output of a task that is kept in full, bytes an hour; of more, a part",
            ge=1024**2,
        ),
    ] = 32 * 1024**2
    worker_silence_seconds: Annotated[
        float,
        Meta(
            description="A task whose process gives no sign of life for so long has hung; 0: never",
            ge=0,
        ),
    ] = 300.0
    worker_drain_grace_seconds: Annotated[
        float, Meta(description="Time for tasks to checkpoint when the worker stops, seconds", ge=0)
    ] = 20.0
    worker_warm_idle_seconds: Annotated[
        float,
        Meta(
            description="How long processes stay ready for the next task, seconds; 0: never", ge=0
        ),
    ] = 600.0
    worker_usage_seconds: Annotated[
        float,
        Meta(
            description="How often the machine's load is looked at, for `tensorfleet workers` and "
            "load tests, seconds; 0: never",
            ge=0,
        ),
    ] = 1.0
    worker_metrics_listen: Annotated[
        str, Meta(description="Address of /metrics, host:port; empty: none")
    ] = "127.0.0.1:7121"
    orchestrator_address: Annotated[str, Meta(description="Orchestrator, host:port")] = (
        "127.0.0.1:7101"
    )
    storage_address: Annotated[str, Meta(description="Storage, host:port")] = "127.0.0.1:7102"
