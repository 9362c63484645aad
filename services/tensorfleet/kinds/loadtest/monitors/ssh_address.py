"""Whom to reach by SSH, and as whom."""

import getpass
import re
from dataclasses import dataclass

from tensorfleet.shared.errors import InvalidInput

SSH_PORT = 22
_ADDRESS = re.compile(
    r"(?:(?P<user>[^@\s]+)@)?(?P<host>\[[^\]\s]+\]|[^@:\s\[\]]+)(?::(?P<port>\d{1,5}))?"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SshAddress:
    """A user on a machine."""

    user: str
    host: str
    port: int = SSH_PORT

    @property
    def known_hosts_name(self) -> str:
        """As `known_hosts` has it."""
        return self.host if self.port == SSH_PORT else f"[{self.host}]:{self.port}"

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.user}@{host}:{self.port}"


def ssh_address(text: str) -> SshAddress:
    """Reads "user@host", "host" or "user@host:port"; IPv6 addresses stand in brackets.

    Raises:
        InvalidInput: It is none of these.
    """
    match = _ADDRESS.fullmatch(text)
    port = int(match["port"] or SSH_PORT) if match else 0
    if match is None or not 0 < port < 65536:
        raise InvalidInput(
            f"“{text}” is no SSH address. Write user@host or user@host:port, IPv6 as user@[::1]."
        )
    return SshAddress(
        user=match["user"] or getpass.getuser(), host=match["host"].strip("[]"), port=port
    )
