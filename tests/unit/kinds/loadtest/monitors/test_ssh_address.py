import getpass

import pytest

from tensorfleet.kinds.loadtest.monitors.ssh_address import ssh_address
from tensorfleet.shared.errors import InvalidInput


@pytest.mark.parametrize(
    ("text", "user", "host", "port"),
    [
        ("ada@db.example", "ada", "db.example", 22),
        ("ada@10.0.0.7:2222", "ada", "10.0.0.7", 2222),
        ("ada@[::1]:2222", "ada", "::1", 2222),
        ("ada@[fe80::1]", "ada", "fe80::1", 22),
        ("db", getpass.getuser(), "db", 22),
    ],
)
def test_address_names_user_host_and_port(text: str, user: str, host: str, port: int) -> None:
    address = ssh_address(text)
    assert (address.user, address.host, address.port) == (user, host, port)


@pytest.mark.parametrize(
    "text", ["", "ada@", "ada@host:", "ada@host:0", "ada@host:70000", "a b@c", "::1", "ada@h:22:3"]
)
def test_what_is_no_address_is_told(text: str) -> None:
    with pytest.raises(InvalidInput, match="no SSH address"):
        ssh_address(text)


def test_known_hosts_has_other_ports_in_brackets() -> None:
    assert ssh_address("a@db").known_hosts_name == "db"
    assert ssh_address("a@db:2222").known_hosts_name == "[db]:2222"
