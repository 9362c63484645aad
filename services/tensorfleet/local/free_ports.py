"""TCP ports on loopback that nobody holds."""

import errno
import os
import random
import socket
import sys
import time
from collections.abc import Collection
from dataclasses import dataclass, field

import psutil

from tensorfleet.local.errors import ServerStartFailed

HOST = "127.0.0.1"
# Below Linux's range for outgoing connections (32768 and up), so that none of those takes a port
# between its choice here and the server's start.
FALLBACK_PORTS = range(20_000, 32_768)
ATTEMPTS = 2_000
# How long a chosen port is kept from others: longer than any server takes to listen.
CLAIM_SECONDS = 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class PortHolder:
    """The process that listens on a port."""

    pid: int
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PortChoice:
    """A port to use. When it is not the wanted one, `holder` has that, if it may be known."""

    port: int
    wanted: int
    holder: PortHolder | None = None

    @property
    def is_wanted(self) -> bool:
        """Whether the wanted port was free."""
        return self.port == self.wanted

    def describe(self) -> str:
        """One sentence for people, such as `port 7100 is held by nginx (pid 812), using 20417`."""
        if self.is_wanted:
            return f"using port {self.port}"
        holder = f"{self.holder.name} (pid {self.holder.pid})" if self.holder else "another process"
        return f"port {self.wanted} is held by {holder}, using {self.port}"


@dataclass(slots=True)
class _Claims:
    """The ports that this process chose lately, in the sight of every process of the machine.

    A claim is the name of a socket in Linux's abstract namespace, which is as wide as the ports
    are, knows no permissions, and forgets a process that has ended. Elsewhere only this process
    knows its claims.
    """

    held: dict[int, tuple[float, int]] = field(default_factory=dict)
    """Since when, and the file descriptor that marks it."""

    def __contains__(self, port: int) -> bool:
        return port in self.held

    def claim(self, port: int) -> bool:
        """Keeps a port from others for `CLAIM_SECONDS`; False when another process has it."""
        now = time.monotonic()
        for old in [old for old, (since, _) in self.held.items() if now - since > CLAIM_SECONDS]:
            os.close(self.held.pop(old)[1])
        if port in self.held:
            return True
        mark = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        if sys.platform == "linux":
            try:
                mark.bind(f"\0tensorfleet-port-{port}")
            except OSError as exc:
                mark.close()
                if exc.errno != errno.EADDRINUSE:
                    raise
                return False
        # Meant to be open until the process ends.
        self.held[port] = (now, mark.detach())
        return True


_claims = _Claims()


def choose_port(wanted: int, *, reserved: Collection[int] = ()) -> PortChoice:
    """The wanted port, or another free one when somebody holds it. Nobody else will choose it.

    Args:
        wanted: The port to prefer.
        reserved: Ports already given to others that do not listen yet.

    Raises:
        ServerStartFailed: No port is free.
    """
    if wanted not in reserved and is_free(wanted) and _claims.claim(wanted):
        return PortChoice(port=wanted, wanted=wanted)
    (port,) = free_ports(1, reserved=(*reserved, wanted))
    return PortChoice(port=port, wanted=wanted, holder=find_holder(wanted))


def free_ports(count: int, *, reserved: Collection[int] = ()) -> tuple[int, ...]:
    """That many different free ports, which nobody chose within the last `CLAIM_SECONDS`.

    Raises:
        ServerStartFailed: There are not that many.
    """
    found: list[int] = []
    for _ in range(ATTEMPTS):
        if len(found) == count:
            return tuple(found)
        port = random.choice(FALLBACK_PORTS)  # noqa: S311
        if port in reserved or port in _claims:
            continue
        # Claimed first: whoever claims after us sees the claim, whoever did before may listen now.
        if _claims.claim(port) and is_free(port):
            found.append(port)
    raise ServerStartFailed(
        f"no {count} free TCP ports between {FALLBACK_PORTS.start} and {FALLBACK_PORTS.stop - 1}; "
        "stop something that listens there"
    )


def is_free(port: int) -> bool:
    """Whether a server could listen on this port of loopback now."""
    with _new_socket() as listener:
        try:
            listener.bind((HOST, port))
        except OSError as exc:
            if exc.errno not in (errno.EADDRINUSE, errno.EACCES):
                raise
            return False
    return True


def find_holder(port: int) -> PortHolder | None:
    """Who listens on a port; None when nobody does, or another user's process."""
    for connection in psutil.net_connections(kind="tcp"):
        if connection.status != psutil.CONN_LISTEN or not connection.laddr:
            continue
        if connection.laddr.port == port and connection.pid is not None:
            try:
                return PortHolder(pid=connection.pid, name=psutil.Process(connection.pid).name())
            except psutil.Error:
                return None
    return None


def is_listening(pid: int, port: int) -> bool:
    """Whether this very process listens on a port of loopback."""
    try:
        connections = psutil.Process(pid).net_connections(kind="tcp")
    except psutil.NoSuchProcess:
        return False
    return any(c.status == psutil.CONN_LISTEN and c.laddr.port == port for c in connections)


def _new_socket() -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    # As the servers do: a port whose old connections are in TIME_WAIT is free.
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    return listener
