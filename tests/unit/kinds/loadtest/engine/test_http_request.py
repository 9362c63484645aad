"""The bytes of requests."""

from pathlib import Path
from typing import Any

import pytest

from tensorfleet.kinds.loadtest.engine.http_request import HttpRequest
from tensorfleet.kinds.loadtest.engine.placeholders import MissingValue, secrets_of
from tensorfleet.kinds.loadtest.origin import parse_target
from tensorfleet.kinds.loadtest.spec import Step
from tensorfleet.shared.errors import InvalidInput


def request(target: str = "http://shop:8080", **step: Any) -> HttpRequest:
    return HttpRequest(Step(**step), parse_target(target), secrets_of(Path()), 30.0)


def written(values: dict[str, str] | None = None, **step: Any) -> tuple[str, dict[str, str], bytes]:
    """The first line, the fields by lower name, and the body."""
    head, _, body = request(**step).render(values or {}).partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    return first, dict(_field(line) for line in lines), body


def _field(line: str) -> tuple[str, str]:
    name, _, value = line.partition(": ")
    return name.lower(), value


def test_a_request_names_its_host_and_itself() -> None:
    first, fields, body = written(path="/a?b=c")
    assert first == "GET /a?b=c HTTP/1.1"
    assert fields["host"] == "shop:8080"
    assert fields["user-agent"].startswith("tensorfleet-loadtest/")
    assert "content-length" not in fields
    assert body == b""


def test_a_request_that_is_always_the_same_is_made_once() -> None:
    fixed = request(path="/a", method="post", body="x")
    assert fixed.fixed is not None
    assert fixed.render({}) is fixed.fixed
    assert request(path="/${load}").fixed is None


@pytest.mark.parametrize(
    ("base", "path", "asked"),
    [
        ("http://h", "/", "/"),
        ("http://h/api?k=1", "/", "/api?k=1"),
        ("http://h/api/?k=1", "/users?x=2", "/api/users?x=2"),
        ("http://h", "/go?to=http://x/y", "/go?to=http://x/y"),
        ("http://h", "/http://x/y", "/http://x/y"),
        ("http://h", "/a b/é#x", "/a%20b/%C3%A9%23x"),
        ("http://h", "/a%20b", "/a%20b"),
    ],
)
def test_the_path_is_below_that_of_the_target(base: str, path: str, asked: str) -> None:
    assert request(base, path=path).render({}).split(b" ")[1] == asked.encode()


def test_a_whole_url_goes_to_its_own_host() -> None:
    other = request(path="https://other/x?y=1")
    assert other.origin == parse_target("https://other")[0]
    assert b"GET /x?y=1 HTTP/1.1\r\nHost: other\r\n" in other.render({})


def test_values_are_encoded_in_paths() -> None:
    first, _, _ = written({"a": "x y\r\nz#ü"}, path="/${a}")
    assert first == "GET /x%20y%0D%0Az%23%C3%BC HTTP/1.1"


@pytest.mark.parametrize("value", ["a\r\nX-Evil: 1", "a\nb", "a\rb"])
def test_a_value_with_a_line_end_is_refused_in_headers(value: str) -> None:
    with pytest.raises(InvalidInput, match="has a line end"):
        written({"a": value}, headers={"X-A": "${a}"})


def test_a_body_has_its_length_in_bytes() -> None:
    _, fields, body = written({"a": "é"}, method="POST", body="-${a}-")
    assert body == "-é-".encode()
    assert fields["content-length"] == "4"
    assert written(method="POST")[1]["content-length"] == "0"


def test_json_has_its_type_and_encodes_values() -> None:
    step = {"method": "PUT", "json": {"a": ["${x}", 1]}}
    _, fields, body = written({"x": 'quote " and \n'}, **step)
    assert body == b'{"a":["quote \\" and \\n",1]}'
    assert fields["content-type"] == "application/json"
    step["headers"] = {"content-type": "application/merge-patch+json"}
    assert written({"x": ""}, **step)[1]["content-type"] == "application/merge-patch+json"


def test_the_users_own_headers_come_instead_of_ours() -> None:
    _, fields, _ = written(headers={"host": "virtual", "User-Agent": "me"})
    assert fields["host"] == "virtual"
    assert fields["user-agent"] == "me"


def test_a_missing_value_is_told() -> None:
    with pytest.raises(MissingValue):
        written(path="/${a}")


@pytest.mark.parametrize(
    ("step", "message"),
    [
        ({"method": ""}, "not a method"),
        ({"method": "GET /x"}, "not a method"),
        ({"method": "connect"}, "not a method"),
        ({"path": "a"}, "must begin with /"),
        ({"path": "ftp://a/b"}, "is not a target"),
        ({"headers": {"a b": "c"}}, "not a header's name"),
        ({"headers": {"": "c"}}, "not a header's name"),
        ({"headers": {"Content-Length": "5"}}, "set by itself"),
        ({"headers": {"transfer-encoding": "chunked"}}, "set by itself"),
        ({"headers": {"X": "a\nb"}}, "line end"),
        ({"method": "POST", "body": "a", "json": 1}, "give one"),
    ],
)
def test_a_step_that_is_wrong_is_refused(step: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        request(**step)
