"""What the storage service needs of an object store."""

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol


class Adoption(enum.Enum):
    """What became of an uploaded content."""

    ADOPTED = "adopted"
    ABSENT = "absent"
    DIFFERENT = "different"


@dataclass(frozen=True, slots=True, kw_only=True)
class PutTarget:
    """Where one PUT goes: an object, or a part of a multipart upload of it."""

    key: str
    multipart_id: str = ""
    part_number: int = 0


class ObjectStore(Protocol):
    """Objects by key. A write shows at once and whole, or not at all.

    Every method raises `Unavailable` when the store does not answer or refuses.
    """

    async def ensure_bucket(self) -> None:
        """Creates the bucket when it is missing."""

    async def check(self) -> None:
        """Returns when the store answers and has the bucket."""

    async def sign_puts(self, targets: Sequence[PutTarget], valid: timedelta) -> list[str]:
        """A URL for each target, with which anybody may PUT it; asks nobody."""

    async def sign_gets(self, keys: Sequence[str], valid: timedelta) -> list[str]:
        """A URL for each key, with which anybody may GET it; asks nobody."""

    async def size_of(self, key: str) -> int | None:
        """An object's length; None when it is not there."""

    async def begin_multipart(self, key: str) -> str:
        """Starts a multipart upload and returns its id; nothing shows before it is completed."""

    async def complete_multipart(
        self, key: str, multipart_id: str, parts: Sequence[tuple[int, str]]
    ) -> bool:
        """Makes an object of the parts (number and ETag, in order).

        Returns False, and changes nothing, when a part is not there or the upload is not known.
        """

    async def adopt(self, source: str, target: str, *, sha256: str, size_bytes: int) -> Adoption:
        """Copies `source` to `target` when it has this SHA-256 and length, else changes nothing.

        Reads the source once, in a bounded window. What was checked is what is copied, also when
        somebody replaces the source meanwhile. An equally long `target` is left as it is.
        """

    async def delete_under(self, prefix: str, multipart_ids: Mapping[str, str]) -> None:
        """Removes all objects whose key begins so, and these multipart uploads. Idempotent.

        Args:
            multipart_ids: By key.
        """
