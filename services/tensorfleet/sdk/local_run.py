"""The run of a script that no fleet started: everything stays in a folder on this machine."""

import json
import shutil
import sys
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from tensorfleet.sdk.run import Checkpoint, Run, SavedModel
from tensorfleet.shared.errors import InvalidInput

RUNS_FOLDER = "tensorfleet-runs"


class LocalRun(Run):
    """`Run` on a laptop: prints metrics, keeps files below `tensorfleet-runs/<time>-<script>/`."""

    def __init__(self, folder: Path | None = None) -> None:
        script = Path(sys.argv[0]).stem or "python"
        stamp = datetime.now().astimezone().strftime("%Y%m%d-%H%M%S")
        self.params = {}
        self.job_name = script
        self.attempt = 1
        self.folder = (folder or Path(RUNS_FOLDER) / f"{stamp}-{script}").absolute()

    @property
    def should_stop(self) -> bool:
        """Never: nobody but the user's own Ctrl-C stops a local run."""
        return False

    def dataset(self, name: str, local: Path | str | Callable[[Path], None] | None = None) -> Path:
        """See Run."""
        if local is None:
            raise InvalidInput(
                f"there is no fleet, so say where {name!r} is: run.dataset({name!r}, local=folder)"
            )
        if isinstance(local, str | Path):
            folder = Path(local)
            if not folder.is_dir():
                raise InvalidInput(f"{folder} is not a folder with the dataset {name!r}")
            return folder
        folder = self._new_scratch_folder(f"dataset-{name}")
        local(folder)
        return folder

    def meet(self, address: str, timeout_seconds: float = 60.0) -> list[str]:
        """See Run."""
        del timeout_seconds  # nobody else is to come
        return [address]

    def progress(self, completed: float, total: float = 0.0, unit: str = "") -> None:
        """See Run."""
        del completed, total, unit  # the metrics' lines show how far it is

    def resume(self) -> Checkpoint | None:
        """None: every local run is a new one."""
        return None

    def _report_metrics(self, step: int | None, values: dict[str, float]) -> None:
        where = "" if step is None else f"step {step:>6}  "
        shown = "  ".join(f"{name} {value:.5g}" for name, value in values.items())
        sys.stdout.write(f"{where}{shown}\n")
        sys.stdout.flush()
        self.folder.mkdir(parents=True, exist_ok=True)
        row = {"time_unix": time.time(), "step": step, **values}
        with (self.folder / "metrics.jsonl").open("a") as stream:
            stream.write(json.dumps(row) + "\n")

    def _save_checkpoint(self, step: int, path: Path) -> None:
        self._keep(path, self.folder / "checkpoints" / str(step))

    def _save_model(
        self, name: str, path: Path, signature: dict[str, Any], metrics: dict[str, float]
    ) -> SavedModel:
        del signature, metrics  # a module's signature is among its files, metrics were logged
        target = self.folder / "models" / name
        self._keep(path, target)
        sys.stdout.write(f"model {name} saved in {target}\n")
        return SavedModel(name=name, version=0, artifact_id="")

    def _new_scratch_folder(self, name: str) -> Path:
        folder = self.folder / "scratch" / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        return folder

    def _keep(self, path: Path, target: Path) -> None:
        if not path.exists():
            raise InvalidInput(f"{path} does not exist")
        shutil.rmtree(target, ignore_errors=True)
        if path.is_dir():
            shutil.copytree(path, target)
        else:
            target.mkdir(parents=True)
            shutil.copy2(path, target)
