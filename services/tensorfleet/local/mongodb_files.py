"""The files of a local MongoDB server: its secrets, its data, and whether it was ever set up."""

import base64
import secrets
import shutil
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from tensorfleet.local.errors import ServerStartFailed
from tensorfleet.local.secret_file import write_secret

KEY_BYTES = 96


@dataclass(frozen=True, slots=True, kw_only=True)
class MongoPasswords:
    """Passwords of the user that sets up the server, and of the one that services log in as."""

    admin: str = field(repr=False)
    user: str = field(repr=False)


class MongoFiles:
    """One server's folder.

    A first start that did not reach its end left a server without users, which nobody has written
    to; the next start removes that and begins again.
    """

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir
        self.database_dir = data_dir / "db"
        self.key_file = data_dir / "keyfile"
        self._passwords = data_dir / "passwords.json"
        self._unfinished = data_dir / "first-start-unfinished"

    @property
    def is_unfinished(self) -> bool:
        """Whether the server still needs its first set-up."""
        return self._unfinished.exists()

    def mark_finished(self) -> None:
        """The set-up is complete: from now on the data is never removed."""
        self._unfinished.unlink(missing_ok=True)

    def prepare(self) -> MongoPasswords:
        """Makes the folder ready for a start.

        Raises:
            ServerStartFailed: There is data, but the secrets that open it are gone.
        """
        self.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self.database_dir.exists() and not self.is_unfinished:
            return self._read_passwords()
        self._unfinished.touch(mode=0o600)
        if self.database_dir.exists():
            shutil.rmtree(self.database_dir)
        write_secret(self.key_file, base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode())
        passwords = MongoPasswords(admin=secrets.token_urlsafe(32), user=secrets.token_urlsafe(32))
        write_secret(self._passwords, msgspec.json.encode(passwords).decode())
        self.database_dir.mkdir(mode=0o700)
        return passwords

    def _read_passwords(self) -> MongoPasswords:
        try:
            text = self._passwords.read_bytes()
        except FileNotFoundError:
            raise ServerStartFailed(
                f"{self.database_dir} has data, but {self._passwords}, which opens it, is gone. "
                f"Put it back, or remove {self.data_dir} to begin with an empty database."
            ) from None
        return msgspec.json.decode(text, type=MongoPasswords)
