"""Heads of answers, good and bad."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tensorfleet.kinds.loadtest.engine.http_head import (
    CHUNKED,
    UNTIL_CLOSE,
    BadAnswer,
    Head,
    parse_head,
)


def head(*lines: str, answers_head: bool = False) -> Head:
    return parse_head("\r\n".join(lines).encode("latin-1"), answers_head=answers_head)


@pytest.mark.parametrize(
    ("lines", "length"),
    [
        (["HTTP/1.1 200 OK", "Content-Length: 12"], 12),
        (["HTTP/1.1 200 OK", "content-length:12 "], 12),
        (["HTTP/1.1 200 OK", "Content-Length: 12", "Content-Length: 12"], 12),
        (["HTTP/1.1 200 OK", "Transfer-Encoding: chunked"], CHUNKED),
        (["HTTP/1.1 200 OK", "Transfer-Encoding: gzip, Chunked"], CHUNKED),
        (["HTTP/1.1 200 OK", "Transfer-Encoding: gzip", "Transfer-Encoding: chunked"], CHUNKED),
        (["HTTP/1.1 200 OK", "Transfer-Encoding: chunked", "Content-Length: 3"], CHUNKED),
        (["HTTP/1.1 200 OK", "Transfer-Encoding: gzip"], UNTIL_CLOSE),
        (["HTTP/1.1 200"], UNTIL_CLOSE),
        (["HTTP/1.1 204 No Content", "Content-Length: 12"], 0),
        (["HTTP/1.1 304 Not Modified", "Content-Length: 12"], 0),
        (["HTTP/1.1 100 Continue"], 0),
    ],
)
def test_a_body_is_as_long_as_the_head_says(lines: list[str], length: int) -> None:
    assert head(*lines).length == length
    assert head(*lines, answers_head=True).length == 0


@pytest.mark.parametrize(
    ("lines", "stays"),
    [
        (["HTTP/1.1 200 OK"], True),
        (["HTTP/1.1 200 OK", "Connection: Close"], False),
        (["HTTP/1.1 200 OK", "Connection: x, close"], False),
        (["HTTP/1.1 200 OK", "Connection: close", "Connection: x"], False),
        (["HTTP/1.0 200 OK"], False),
        (["HTTP/1.0 200 OK", "Connection: keep-alive"], True),
    ],
)
def test_a_connection_stays_open_as_the_version_and_the_head_say(
    lines: list[str], stays: bool
) -> None:
    assert head(*lines).stays_open is stays


def test_fields_have_lower_names_and_the_last_value() -> None:
    fields = head("HTTP/1.1 200 OK", "X-A: 1", "x-a:2", "Set-Cookie: a=1", "Set-Cookie: b=2").fields
    assert fields == {"x-a": "2", "set-cookie": "a=1\nb=2"}


@pytest.mark.parametrize(
    ("timing", "span"),
    [
        ("processing;dur=12.5", 0.0125),
        ('db;dur=3, processing;desc="a";dur=7', 0.007),
        ("processing", None),
        ("preprocessing;dur=7", None),
        ("processing;dur=x", None),
    ],
)
def test_the_servers_span_is_that_of_processing(timing: str, span: float | None) -> None:
    assert head("HTTP/1.1 200 OK", f"Server-Timing: {timing}").span_seconds == span


@pytest.mark.parametrize(
    "lines",
    [
        [""],
        ["HTTP/2 200"],
        ["HTTP/1.1 99 Low"],
        ["HTTP/1.1 2000 High"],
        ["http/1.1 200 OK"],
        ["HTTP/1.1 200 OK", "no colon"],
        ["HTTP/1.1 200 OK", " folded: x"],
        ["HTTP/1.1 200 OK", "na me: x"],
        ["HTTP/1.1 200 OK", ": x"],
        ["HTTP/1.1 200 OK", "Content-Length: -1"],
        ["HTTP/1.1 200 OK", "Content-Length: 1e3"],
        ["HTTP/1.1 200 OK", "Content-Length: ²"],
        ["HTTP/1.1 200 OK", "Content-Length: " + "9" * 19],
        ["HTTP/1.1 200 OK", "Content-Length: 1", "Content-Length: 2"],
    ],
)
def test_what_is_no_head_is_refused(lines: list[str]) -> None:
    with pytest.raises(BadAnswer):
        head(*lines)


@given(st.binary(max_size=100))
def test_no_bytes_break_the_parser(data: bytes) -> None:
    for raw in (data, b"HTTP/1.1 200 OK\r\n" + data):
        with suppress(BadAnswer):
            assert parse_head(raw).status >= 100
