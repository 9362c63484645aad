"""Answers about jobs that have ended, kept for those who ask again."""

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass

MOST_BYTES = 16 * 1024 * 1024
# One that is larger would put out all the others.
MOST_ENTRY_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptAnswer:
    """A body with what HTTP must know of it."""

    body: bytes
    etag: str
    is_gzip: bool


class AnswerCache:
    """The answers used last, up to so many bytes of bodies."""

    def __init__(
        self, most_bytes: int = MOST_BYTES, most_entry_bytes: int = MOST_ENTRY_BYTES
    ) -> None:
        self._most_bytes = most_bytes
        self._most_entry_bytes = most_entry_bytes
        self._entries: OrderedDict[Hashable, KeptAnswer] = OrderedDict()
        self._bytes = 0

    def find(self, key: Hashable) -> KeptAnswer | None:
        """The answer kept under a key."""
        found = self._entries.get(key)
        if found is not None:
            self._entries.move_to_end(key)
        return found

    def keep(self, key: Hashable, answer: KeptAnswer) -> None:
        """Keeps an answer unless it is too large; those used longest ago go."""
        if len(answer.body) > self._most_entry_bytes:
            return
        if (old := self._entries.pop(key, None)) is not None:
            self._bytes -= len(old.body)
        self._entries[key] = answer
        self._bytes += len(answer.body)
        while self._bytes > self._most_bytes:
            _, gone = self._entries.popitem(last=False)
            self._bytes -= len(gone.body)
