"""The address at which other machines of the fleet reach this one."""

import asyncio
import socket

from tensorfleet.shared.addresses import split_address
from tensorfleet.shared.errors import InvalidInput


class PeerHost:
    """Found at first use, and kept."""

    def __init__(self, given: str, orchestrator_address: str) -> None:
        self._found = given
        self._orchestrator_address = orchestrator_address

    async def find(self) -> str:
        """The given one, or that from which this machine reaches the orchestrator.

        Without either (the orchestrator's name is not known now), the machine's own name.
        """
        if self._found:
            return self._found
        try:
            self._found = await asyncio.to_thread(local_address_towards, self._orchestrator_address)
        except (OSError, InvalidInput):
            return socket.gethostname()
        return self._found


def local_address_towards(address: str) -> str:
    """The address of this machine from which it would reach another one; nothing is sent.

    Args:
        address: "host:port", or several as gRPC takes them ("ipv4:10.0.0.1:7101,10.0.0.2:7101").

    Raises:
        OSError: The name is not known, or there is no way to it.
        InvalidInput: It is no address.
    """
    first = address.rsplit("/", 1)[-1].split(",")[0]
    for scheme in ("ipv4:", "ipv6:", "dns:"):
        first = first.removeprefix(scheme)
    host, port = split_address(first)
    family, _, _, _, target = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0]
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        # For datagrams this only chooses the way.
        probe.connect(target)
        found: str = probe.getsockname()[0]
    return found
