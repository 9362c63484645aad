"""Files that only their owner may read."""

import os
import secrets
from pathlib import Path

SECRET_BYTES = 32


def write_secret(path: Path, text: str, *, is_durable: bool = True) -> None:
    """Replaces a file in one step; at no moment can others read it, or see half of it.

    Args:
        path: The file; its folder is made when it is missing.
        text: What it will hold.
        is_durable: Whether to wait until the disk has it, so that a crash of the machine leaves
            the old content or the new.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            if is_durable:
                file.flush()
                os.fsync(file.fileno())
        fresh.replace(path)
    except BaseException:
        fresh.unlink(missing_ok=True)
        raise


def read_or_generate_secret(path: Path) -> str:
    """The secret in a file; at first, a new random one (43 characters, URL-safe)."""
    try:
        return path.read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        secret = secrets.token_urlsafe(SECRET_BYTES)
        write_secret(path, secret)
        return secret
