"""Password hashes: argon2id, computed away from the event loop."""

import asyncio
import secrets
from concurrent.futures import ThreadPoolExecutor

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

# For argon2id, OWASP's Password Storage Cheat Sheet recommends 19 MiB, 2 passes, 1 lane.
MEMORY_KIB = 19 * 1024
PASSES = 2
LANES = 1
# Bounds the memory and the processor time that logins can take at once.
THREADS = 2

_GENERATED_BYTES = 18


def generate_password() -> str:
    """A password of 24 characters that nobody guesses."""
    return secrets.token_urlsafe(_GENERATED_BYTES)


class Passwords:
    """Makes and checks hashes in a few threads of its own."""

    def __init__(self) -> None:
        self._hasher = PasswordHasher(time_cost=PASSES, memory_cost=MEMORY_KIB, parallelism=LANES)
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="passwords")
        self._decoy = self._hasher.hash(generate_password())

    async def hash(self, password: str) -> str:
        """The hash to store."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, self._hasher.hash, password)

    async def is_right(self, password: str, stored_hash: str | None) -> bool:
        """Whether the password has this hash; as slow, and never true, when there is none."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, self._verify, password, stored_hash)

    def _verify(self, password: str, stored_hash: str | None) -> bool:
        try:
            self._hasher.verify(stored_hash or self._decoy, password)
        except (VerificationError, InvalidHashError):
            return False
        return stored_hash is not None

    def close(self) -> None:
        """Lets the threads end."""
        self._threads.shutdown(wait=False, cancel_futures=True)
