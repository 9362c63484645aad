"""The head of an HTTP/1.1 answer: what it says about its body and its connection (RFC 9112)."""

import re
from dataclasses import dataclass

MAX_HEAD_BYTES = 64 * 1024

_STATUS_LINE = re.compile(rb"HTTP/1\.([01]) ([1-5][0-9]{2})(?: [^\r\n]*)?")
_FIELD_NAME = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_SPAN = re.compile(rb"(?:^|,)\s*processing\s*(?:;[^,]*?)?;\s*dur=\"?([0-9]+(?:\.[0-9]+)?)")


# Fields of which not only the last counts.
_JOINED = {"set-cookie": "\n", "connection": ",", "transfer-encoding": ",", "server-timing": ","}


class BadAnswer(Exception):
    """The other side does not speak HTTP/1.1 as it must."""


@dataclass(frozen=True, slots=True)
class Head:
    """A head, taken apart. Equal bytes give the same head, so heads can be kept by their bytes."""

    status: int
    length: int
    """Of the body in bytes; `CHUNKED`, or `UNTIL_CLOSE`."""
    stays_open: bool
    fields: dict[str, str]
    """Names in lower case; of repeated ones the last, of Set-Cookie all, a line each, and of those
    that say how the answer is sent all, with commas."""
    span_seconds: float | None
    """The server's own processing span: `dur` of "processing" in `Server-Timing`."""


CHUNKED = -1
UNTIL_CLOSE = -2


def parse_head(data: bytes, *, answers_head: bool = False) -> Head:
    """Reads a head without its closing empty line.

    Args:
        answers_head: The request was HEAD: there is no body, whatever the fields say.

    Raises:
        BadAnswer: It is none.
    """
    first, _, rest = data.partition(b"\r\n")
    line = _STATUS_LINE.fullmatch(first)
    if line is None:
        raise BadAnswer(f"not a status line: {first[:80]!r}")
    fields: dict[str, str] = {}
    for raw in rest.split(b"\r\n") if rest else ():
        name, colon, value = raw.partition(b":")
        if not colon or not _FIELD_NAME.fullmatch(name):
            raise BadAnswer(f"not a header field: {raw[:80]!r}")
        key, text = name.decode("ascii").lower(), value.strip(b" \t").decode("latin-1")
        if key == "content-length" and fields.get(key, text) != text:
            raise BadAnswer("two different Content-Length")
        if key in fields and key in _JOINED:
            text = f"{fields[key]}{_JOINED[key]}{text}"
        fields[key] = text
    status = int(line[2])
    return Head(
        status=status,
        length=_body_length(status, fields, answers_head=answers_head),
        stays_open=_stays_open(line[1], fields),
        fields=fields,
        span_seconds=_span(fields),
    )


def _body_length(status: int, fields: dict[str, str], *, answers_head: bool) -> int:
    if answers_head or status < 200 or status in (204, 304):
        return 0
    coding = fields.get("transfer-encoding")
    if coding is not None:
        return CHUNKED if coding.lower().split(",")[-1].strip() == "chunked" else UNTIL_CLOSE
    length = fields.get("content-length")
    if length is None:
        return UNTIL_CLOSE
    if not (length.isascii() and length.isdigit()) or len(length) > 18:
        raise BadAnswer(f"not a Content-Length: {length[:40]!r}")
    return int(length)


def _stays_open(minor: bytes, fields: dict[str, str]) -> bool:
    options = {option.strip() for option in fields.get("connection", "").lower().split(",")}
    return "close" not in options if minor == b"1" else "keep-alive" in options


def _span(fields: dict[str, str]) -> float | None:
    timing = fields.get("server-timing")
    if timing is None:
        return None
    found = _SPAN.search(timing.encode("latin-1"))
    return None if found is None else float(found[1]) / 1000.0
