"""At which address other machines reach a worker's tasks."""

import socket

import pytest

from tensorfleet.shared.errors import InvalidInput
from tensorfleet.worker.peer_host import PeerHost, local_address_towards


@pytest.mark.parametrize(
    "address", ["127.0.0.1:7101", "ipv4:127.0.0.1:7101,10.0.0.2:7101", "dns:///127.0.0.1:7101"]
)
async def test_address_is_that_towards_the_orchestrator(address: str) -> None:
    assert await PeerHost("", address).find() == "127.0.0.1"


async def test_address_that_is_set_goes_before() -> None:
    assert await PeerHost("10.1.2.3", "127.0.0.1:7101").find() == "10.1.2.3"


async def test_without_a_way_to_the_orchestrator_it_is_the_machines_name() -> None:
    assert await PeerHost("", "255.255.255.255:7101").find() == socket.gethostname()
    assert await PeerHost("", "unix:///somewhere").find() == socket.gethostname()


def test_no_address_is_refused() -> None:
    with pytest.raises(InvalidInput):
        local_address_towards("nonsense")
