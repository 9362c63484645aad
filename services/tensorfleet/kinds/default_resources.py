"""What a task of some kind needs when its job does not say."""

from dataclasses import dataclass

MEBIBYTE = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class DefaultResources:
    """A room's `spec` may have one as `DEFAULT_RESOURCES`; otherwise these amounts stand."""

    cpus: float = 1.0
    memory_bytes: int = 512 * MEBIBYTE
    exclusive: bool = False
