import pytest

from tensorfleet.kinds.loadtest.monitors.ping import PingAddress, ping_address
from tensorfleet.kinds.loadtest.spec import Monitor
from tensorfleet.shared.errors import InvalidInput

EXPORTER = "http://user:secret@db.example:9100/metrics"


@pytest.mark.parametrize(
    ("monitor", "address"),
    [
        (Monitor(alias="a", local=True), None),
        (Monitor(alias="a", ssh="ada@db"), None),
        (Monitor(alias="a", prometheus=EXPORTER), PingAddress("db.example", 9100)),
        (Monitor(alias="a", prometheus="https://db/metrics"), PingAddress("db", 443)),
        (Monitor(alias="a", prometheus=EXPORTER, ping="-"), None),
        (Monitor(alias="a", prometheus=EXPORTER, ping="web:8080"), PingAddress("web", 8080)),
        (Monitor(alias="a", local=True, ping="web"), PingAddress("web", 80)),
        (Monitor(alias="a", local=True, ping="[::1]:81"), PingAddress("::1", 81)),
        (Monitor(alias="a", prometheus="http://[nonsense"), None),
    ],
)
def test_ping_goes_where_the_monitor_says(monitor: Monitor, address: PingAddress | None) -> None:
    assert ping_address(monitor) == address


@pytest.mark.parametrize("ping", ["web:0", "web:99999", "http://web", "a b"])
def test_what_cannot_be_pinged_is_told(ping: str) -> None:
    with pytest.raises(InvalidInput, match="cannot be pinged"):
        ping_address(Monitor(alias="a", local=True, ping=ping))
