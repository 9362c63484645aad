"""What tasks need and workers have."""

from dataclasses import dataclass, field, replace

from tensorfleet.shared.errors import FieldError


@dataclass(frozen=True, slots=True, kw_only=True)
class Resources:
    """An amount of machine. `labels` are what a worker must carry, or carries."""

    cpus: float
    memory_bytes: int
    gpus: int = 0
    gpu_kind: str = ""
    labels: dict[str, str] = field(default_factory=dict)
    is_exclusive: bool = False
    """The task must be alone on its worker, as measurements need."""

    def minus(self, other: "Resources") -> "Resources":
        """What is left when `other` is taken away; negative when too much was taken."""
        return replace(
            self,
            cpus=self.cpus - other.cpus,
            memory_bytes=self.memory_bytes - other.memory_bytes,
            gpus=self.gpus - other.gpus,
        )


def resource_problems(needs: Resources) -> list[FieldError]:
    """Amounts that no task can ask for."""
    problems = []
    if not 0 < needs.cpus <= 4096:
        problems.append(FieldError(field="resources.cpus", message="must be above 0, at most 4096"))
    if not 1024 * 1024 <= needs.memory_bytes <= 2**50:
        problems.append(
            FieldError(field="resources.memory", message="must be at least 1 MiB, at most 1 PiB")
        )
    if not 0 <= needs.gpus <= 1024:
        problems.append(FieldError(field="resources.gpus", message="must be 0 to 1024"))
    if needs.gpu_kind and not needs.gpus:
        problems.append(
            FieldError(field="resources.gpu_kind", message="means nothing without gpus")
        )
    return problems
