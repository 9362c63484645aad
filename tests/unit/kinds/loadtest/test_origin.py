"""Where requests may go."""

import pytest

from tensorfleet.kinds.loadtest.origin import Origin, parse_target
from tensorfleet.shared.errors import InvalidInput


@pytest.mark.parametrize(
    ("url", "origin", "path"),
    [
        ("http://Example.com", Origin("http", "example.com", 80), "/"),
        ("https://a.b:8443/x/y?q=1&r", Origin("https", "a.b", 8443), "/x/y?q=1&r"),
        ("http://[::1]:8080/", Origin("http", "::1", 8080), "/"),
        ("grpc://h", Origin("grpc", "h", 50051), "/"),
        ("grpcs://h", Origin("grpcs", "h", 443), "/"),
    ],
)
def test_a_target_is_scheme_host_port_and_path(url: str, origin: Origin, path: str) -> None:
    assert parse_target(url) == (origin, path)


@pytest.mark.parametrize(
    ("url", "authority", "text"),
    [
        ("http://h:80", "h", "http://h"),
        ("http://h:443", "h:443", "http://h:443"),
        ("https://[::1]:9", "[::1]:9", "https://[::1]:9"),
    ],
)
def test_the_usual_port_is_left_out(url: str, authority: str, text: str) -> None:
    origin, _ = parse_target(url)
    assert origin.authority == authority
    assert str(origin) == text


def test_schemes_say_how_it_is_spoken_to() -> None:
    found = {scheme: parse_target(f"{scheme}://h")[0] for scheme in ("http", "https", "grpcs")}
    assert [found[s].uses_tls for s in found] == [False, True, True]
    assert [found[s].is_grpc for s in found] == [False, False, True]


@pytest.mark.parametrize(
    "url",
    [
        "",
        "host:80",
        "//host",
        "ftp://host",
        "http://",
        "http://:80",
        "http://host:0",
        "http://host:99999",
        "http://host:x",
        "http://[::1",
        "http://ho st/",
        "http://host/\r\nHost: evil",
        "http://user:password@host/",
        "http://host/#part",
        "http://host/" + "a" * 9000,
    ],
)
def test_what_is_no_target_is_refused_with_how_to_write_it(url: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        parse_target(url)
    assert "password" not in str(refused.value)
    assert len(str(refused.value)) < 300
