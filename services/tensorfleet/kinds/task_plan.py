"""What a kind's plan says about one task: all that a worker needs besides the job itself."""

from typing import Any

import msgspec


class TaskPlan(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """One task of a job. Travels as JSON in the contract's `task_json`."""

    params: dict[str, Any] = {}
    """What the script reads as `run.params`."""
    datasets: tuple[str, ...] = ()
    """Datasets to have on the worker's disk before the process starts: "name" or "name:version"."""
    codes: tuple[str, ...] = ()
    """Artifact ids of code packages to have on the worker's disk besides the job's own."""
    environment: dict[str, str] = {}
    """Variables to set for the process, besides the few that every task gets."""
    preload: tuple[str, ...] = ()
    """Modules that the process will import anyway: a worker that has them starts it warm."""
    payload: dict[str, Any] = {}
    """What only the kind's own `run` reads."""
    shares_process: bool = False
    """Whether the task is one of many small ones that run one after another in a process that
    stays: with others of the same kind, owner, code, resources, environment, datasets and preload.
    The room's `run` then has `serve`, which gets payloads; what it returns is the task's result.
    Such a task has neither a run context nor checkpoints nor outputs."""
