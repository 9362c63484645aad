"""Which listener gets which port."""

import os
import socket

from tensorfleet.local.fleet_ports import WANTED_PORTS, choose_ports, wanted_ports
from tensorfleet.local.free_ports import HOST, free_ports


def test_usual_ports_are_those_of_the_settings_and_all_differ() -> None:
    wanted = wanted_ports(("worker-1", "worker-2", "worker-3"), 7100)
    assert len(set(wanted.values())) == len(wanted)
    assert (wanted["gateway"], wanted["monitoring-http"]) == (7100, 7105)
    assert [wanted[f"worker-{n}"] for n in (1, 2, 3)] == [7121, 7122, 7123]
    assert wanted_ports((), 8000) == {**WANTED_PORTS, "gateway": 8000}


def test_taken_port_is_replaced_and_its_holder_named() -> None:
    (held, free) = free_ports(2)
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((HOST, held))
        listener.listen()
        chosen = choose_ports({"gateway": held, "storage": free})
    assert chosen["storage"].is_wanted
    assert chosen["gateway"].port not in (held, free)
    assert f"port {held} is held by" in chosen["gateway"].describe()
    assert f"pid {os.getpid()}" in chosen["gateway"].describe()


def test_two_listeners_that_want_one_port_get_two() -> None:
    (port,) = free_ports(1)
    chosen = choose_ports({"gateway": port, "storage": port})
    assert chosen["gateway"].port == port
    assert chosen["storage"].port != port
