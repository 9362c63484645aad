"""Choosing ports."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tensorfleet.local.free_ports import (
    PortChoice,
    PortHolder,
    choose_port,
    find_holder,
    free_ports,
    is_free,
)


@pytest.fixture
def held_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def test_free_wanted_port_is_taken() -> None:
    (wanted,) = free_ports(1)
    assert choose_port(wanted) == PortChoice(port=wanted, wanted=wanted)


def test_held_port_is_replaced_and_its_holder_named(held_port: int) -> None:
    choice = choose_port(held_port)
    assert not choice.is_wanted
    assert is_free(choice.port)
    assert choice.holder is not None
    assert choice.holder.pid == os.getpid()
    assert choice.describe() == (
        f"port {held_port} is held by {choice.holder.name} (pid {os.getpid()}), using {choice.port}"
    )


def test_port_held_on_all_addresses_is_not_free() -> None:
    with socket.create_server(("", 0)) as listener:
        assert not is_free(listener.getsockname()[1])


def test_reserved_ports_are_not_given_again() -> None:
    (wanted,) = free_ports(1)
    assert choose_port(wanted, reserved={wanted}).port != wanted


def test_ports_asked_for_together_differ() -> None:
    ports = free_ports(200)
    assert len(set(ports)) == 200


def test_ports_asked_for_one_after_the_other_differ() -> None:
    assert len({port for _ in range(50) for port in free_ports(1)}) == 50


def chosen_by_another_process(wanted: int) -> int:
    code = (
        f"from tensorfleet.local.free_ports import choose_port; print(choose_port({wanted}).port)"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    return int(said.stdout)


@pytest.mark.skipif(sys.platform != "linux", reason="processes see each other's claims on Linux")
def test_a_chosen_port_on_which_nobody_listens_yet_is_not_given_to_another_process() -> None:
    (port,) = free_ports(1)
    assert is_free(port)
    assert chosen_by_another_process(port) != port


def test_the_port_of_a_process_that_has_ended_is_free_again() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    assert chosen_by_another_process(port) == port
    assert choose_port(port).port == port


def test_nobody_holds_a_free_port() -> None:
    (port,) = free_ports(1)
    assert find_holder(port) is None


def test_unknown_holder_is_described_without_a_name() -> None:
    choice = PortChoice(port=20001, wanted=7100, holder=None)
    assert choice.describe() == "port 7100 is held by another process, using 20001"
    named = PortChoice(port=20001, wanted=7100, holder=PortHolder(pid=812, name="nginx"))
    assert named.describe() == "port 7100 is held by nginx (pid 812), using 20001"
