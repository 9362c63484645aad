"""What a worker's last life may have left on its machine, and how the next one gets rid of it."""

import shutil
from pathlib import Path

import structlog

from tensorfleet.worker.cgroup import CgroupHome
from tensorfleet.worker.process_group import sweep_attempt, sweep_marked

log = structlog.get_logger(__name__)


def sweep_leftovers(data_folder: Path, attempts_folder: Path, cgroups: CgroupHome | None) -> None:
    """Kills left processes and removes left folders: nothing of this worker can be running yet.

    A worker that is killed is survived by its guards, which end everything at once; only when they
    were killed with it there is something to find.
    """
    for cgroup in cgroups.left() if cgroups is not None else ():
        if cgroup.kill():
            log.warning("left processes killed", cgroup=cgroup.folder.name)
    swept = sweep_marked(data_folder)
    attempts_folder.mkdir(parents=True, exist_ok=True)
    for left in attempts_folder.iterdir():
        swept += sweep_attempt(left)
        shutil.rmtree(left, ignore_errors=True)
    if swept:
        log.warning("left processes killed", count=swept)
    for cgroup in cgroups.left() if cgroups is not None else ():
        cgroup.remove()
