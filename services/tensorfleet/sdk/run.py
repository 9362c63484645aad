"""The run context: what a training script sees of the platform, in a fleet or alone on a laptop."""

import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tensorfleet.shared.errors import InvalidInput
from tensorfleet.shared.names import check_name
from tensorfleet.shared.task_channel import SOCKET_VARIABLE

if TYPE_CHECKING:
    import torch

MAX_METRICS_A_CALL = 256
MAX_STEP = 2**63 - 1

STATE_FILE = "state.pt"


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """A saved state from which to go on: its step, and the folder with its files."""

    step: int
    path: Path

    def load(self) -> dict[str, Any]:
        """The state that was given to `Run.checkpoint` as a mapping; tensors come on the CPU.

        Only tensors and plain values are read, never code (`torch.load(weights_only=True)`).

        Raises:
            InvalidInput: The checkpoint was saved from files of your own; read them from `path`.
        """
        import torch

        file = self.path / STATE_FILE
        if not file.is_file():
            raise InvalidInput(f"this checkpoint has no {STATE_FILE}; read its files from .path")
        state: dict[str, Any] = torch.load(file, map_location="cpu", weights_only=True)
        return state


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedModel:
    """A model version that is registered; version 0 and no id when there is no fleet."""

    name: str
    version: int
    artifact_id: str


class Run(ABC):
    """One attempt at a task. Get it from `tensorfleet.init()`; use it from one thread at a time."""

    params: dict[str, Any]
    """The job's parameters."""
    job_name: str
    """The job's name."""
    attempt: int
    """Which attempt this is, from 1."""

    @property
    @abstractmethod
    def should_stop(self) -> bool:
        """Whether the fleet wants the script to save what it needs and return soon."""

    @abstractmethod
    def dataset(
        self, name: str, local: "Path | str | Callable[[Path], None] | None" = None
    ) -> Path:
        """The folder with a dataset's files.

        Args:
            name: As in the job's `spec.datasets`, without a version.
            local: Where the data is when there is no fleet: a folder, or a function that writes
                the files into the folder that it is given. In a fleet it is not used.

        Raises:
            InvalidInput: The job does not declare the dataset, or nothing says where it is.
        """

    def log(self, *, step: int | None = None, **metrics: float) -> None:
        """Reports values measured at a step. NaN and infinities are reported as such.

        Raises:
            InvalidInput: A value is not a number, or there are more than 256.
        """
        if not metrics:
            return
        if len(metrics) > MAX_METRICS_A_CALL:
            raise InvalidInput(f"one call may log {MAX_METRICS_A_CALL} metrics, not {len(metrics)}")
        values = {}
        for name, value in metrics.items():
            try:
                # A tensor or numpy scalar of one element becomes a number here too.
                values[name] = float(value)
            except (TypeError, ValueError, RuntimeError) as exc:
                raise InvalidInput(f"metric {name!r} is not a number: {value!r:.80}") from exc
        self._report_metrics(_checked_step(step), values)

    @abstractmethod
    def _report_metrics(self, step: int | None, values: dict[str, float]) -> None: ...

    @abstractmethod
    def meet(self, address: str, timeout_seconds: float = 60.0) -> list[str]:
        """Tells the other tasks of a gang where this one is, and waits for all of theirs.

        In a fleet, listen at the host in the variable TENSORFLEET_PEER_HOST.

        Args:
            address: Text that the others understand, such as "host:port"; at most 1 KiB. The first
                one of an attempt counts.
            timeout_seconds: How long to wait for the last one.

        Returns:
            The addresses of all tasks by index, this one's among them; every task gets the same.
            Without a fleet, this one's alone.

        Raises:
            NotAGang: The tasks of this job need not run at the same time.
            AddressGiven: This attempt gave another address before.
            PeerEnded: One has ended before this start of the gang.
            DeadlineExceeded: Some have not come in time; the message says which.
            Unavailable: The fleet wants the script to stop, or its worker is gone.
            LeaseLost: The task runs elsewhere by now; end the script.
        """

    @abstractmethod
    def progress(self, completed: float, total: float = 0.0, unit: str = "") -> None:
        """Tells how far the work is: units done, of how many (0 when unknown), of what."""

    def checkpoint(self, step: int, state: "Mapping[str, Any] | Path | str") -> None:
        """Saves a state from which a later attempt goes on; it is durable on return.

        Args:
            step: The script's own counter; the checkpoint with the highest step counts.
            state: A mapping of tensors and plain values (`model.state_dict()` and the like), saved
                with torch; or a file or folder of your own.

        Raises:
            LeaseLost: The task runs elsewhere by now; end the script.
        """
        checked = _checked_step(step)
        if checked is None:
            raise InvalidInput("a checkpoint needs its step")
        if isinstance(state, str | Path):
            self._save_checkpoint(checked, Path(state))
            return
        import torch

        folder = self._new_scratch_folder(f"checkpoint-{checked}")
        torch.save(dict(state), folder / STATE_FILE)
        self._save_checkpoint(checked, folder)

    @abstractmethod
    def _save_checkpoint(self, step: int, path: Path) -> None: ...

    @abstractmethod
    def _new_scratch_folder(self, name: str) -> Path: ...

    @abstractmethod
    def resume(self) -> Checkpoint | None:
        """The newest checkpoint of this task, or None when it starts from nothing."""

    def save_model(
        self,
        model: "torch.nn.Module | Path | str",
        *,
        name: str,
        example: "torch.Tensor | None" = None,
        signature: Mapping[str, Any] | None = None,
        **metrics: float,
    ) -> SavedModel:
        """Registers a version of a model; a second call replaces what this task saved before.

        Args:
            model: A module, exported with `torch.export` so that it is served without its code;
                or a folder of your own files.
            name: The model's name in the registry.
            example: For a module: an input with a batch in its first dimension, at least 2 rows.
            signature: For a folder: `{"inputs": [{"name", "dtype", "shape"}], "outputs": [...]}`.
            metrics: What was measured, kept with the version.

        Raises:
            InvalidInput: A module came without an example, or the name is not allowed.
            LeaseLost: The task runs elsewhere by now; end the script.
        """
        check_name(name, "name")
        values = {key: float(value) for key, value in metrics.items()}
        if isinstance(model, str | Path):
            return self._save_model(name, Path(model), dict(signature or {}), values)
        if example is None:
            raise InvalidInput("save_model(module) needs example=, an input with a batch of 2 rows")
        from tensorfleet.sdk.model_export import export_module

        folder = self._new_scratch_folder(f"model-{name}")
        return self._save_model(name, folder, export_module(model, example, folder), values)

    @abstractmethod
    def _save_model(
        self, name: str, path: Path, signature: dict[str, Any], metrics: dict[str, float]
    ) -> SavedModel: ...


def init(params: Mapping[str, Any] | None = None) -> Run:
    """The run that this process belongs to, or a local one when no fleet started it.

    Args:
        params: Defaults; the job's own values go before them.
    """
    if SOCKET_VARIABLE in os.environ:
        from tensorfleet.sdk.fleet_run import FleetRun

        run: Run = FleetRun.connect(int(os.environ[SOCKET_VARIABLE]))
    else:
        from tensorfleet.sdk.local_run import LocalRun

        run = LocalRun()
    run.params = {**(params or {}), **run.params}
    return run


def _checked_step(step: int | None) -> int | None:
    if step is None:
        return None
    if isinstance(step, bool) or not hasattr(step, "__index__"):
        raise InvalidInput(f"step must be a whole number, not {step!r:.80}")
    number = int(step)
    if not 0 <= number <= MAX_STEP:
        raise InvalidInput(f"step must be from 0 to {MAX_STEP}, not {number}")
    return number
