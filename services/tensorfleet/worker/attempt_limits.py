"""What this worker lets an attempt use, from its settings and the task's resources: pure."""

from dataclasses import dataclass

from tensorfleet.orchestrator.v1 import resources_pb2
from tensorfleet.worker.attempt_watch import Bounds
from tensorfleet.worker.cgroup import AttemptCgroup
from tensorfleet.worker.task_limits import TaskLimits

MAX_HEARTBEAT_SECONDS = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptLimits:
    """See the settings of these names."""

    memory_tolerance: float
    disk_bytes: int
    open_files: int
    output_bytes: int
    silence_seconds: float

    @property
    def heartbeat_seconds(self) -> float:
        """How often a task's process shall give a sign of life; 0 means never."""
        return min(MAX_HEARTBEAT_SECONDS, self.silence_seconds / 4)

    def bounds(self, resources: resources_pb2.Resources) -> Bounds:
        """What a task with these resources is held to."""
        return Bounds(
            memory_bytes=int(resources.memory_bytes * self.memory_tolerance),
            disk_bytes=self.disk_bytes,
            silence_seconds=self.silence_seconds,
        )

    def for_process(self, cgroup: AttemptCgroup | None) -> TaskLimits:
        """What its process sets for itself."""
        return TaskLimits(
            open_files=self.open_files,
            # One file cannot outgrow the disk limit between two looks at the whole.
            file_bytes=self.disk_bytes,
            cgroup_folder=str(cgroup.folder) if cgroup is not None else "",
        )
