"""Answers in every form that HTTP/1.1 has, as real servers send them."""

import asyncio

import pytest

from tensorfleet.kinds.loadtest.spec import Checks, Step
from tests.integration.kinds.loadtest.engine.points import (
    generating,
    limits,
    point_of,
    run_point,
    spec_of,
)
from tests.integration.kinds.loadtest.servers import (
    Asked,
    Script,
    always,
    answer,
    serving,
    then_close,
)

SEES_ALL = Step(checks=Checks(body_matches="^(alpha beta){3}$"))
BODY = b"alpha beta" * 3
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


def chunked(*pieces: bytes) -> bytes:
    chunks = b"".join(b"%x;x=1\r\n%s\r\n" % (len(piece), piece) for piece in pieces)
    return b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\nT: 1\r\n\r\n"


def in_pieces(data: bytes, size: int) -> Script:
    async def script(_asked: Asked, writer: asyncio.StreamWriter) -> None:
        for place in range(0, len(data), size):
            writer.write(data[place : place + size])
            await asyncio.sleep(0)  # each piece is a write of its own

    return script


@pytest.mark.parametrize(
    "script",
    [
        always(answer(BODY)),
        in_pieces(answer(BODY), 7),
        always(chunked(BODY[:4], BODY[4:])),
        in_pieces(chunked(BODY[:4], BODY[4:]), 3),
        then_close(b"HTTP/1.1 200 OK\r\n\r\n" + BODY),
        then_close(answer(BODY, Connection="close")),
        always(answer(BODY, Connection="close")),
        always(
            b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nA: b\r\n\r\n" + answer(BODY)
        ),
        then_close(b"HTTP/1.0 200 OK\r\nContent-Length: 30\r\n\r\n" + BODY),
        in_pieces(CONTINUE + answer(BODY), 1),
    ],
    ids=[
        "at once",
        "in pieces",
        "chunks",
        "chunks in pieces",
        "until the end",
        "closed after it",
        "said to close but left open",
        "after early words",
        "HTTP/1.0",
        "byte by byte",
    ],
)
async def test_every_form_of_answer_is_read_whole(script: Script) -> None:
    async with serving(script) as server:
        outcome = await point_of(spec_of(server.url, SEES_ALL))
    assert outcome.counts.answered == outcome.counts.scheduled == outcome.counts.sent == 20
    assert outcome.counts.statuses == {"200": 20}
    assert len(server.asked) == 20


async def test_connections_are_kept_open_between_requests_and_points() -> None:
    async with serving(always(answer())) as server:
        spec = spec_of(server.url, limits=limits(connections=3))
        async with generating(spec) as generator:
            await run_point(generator)
            await run_point(generator)
    assert len(server.asked) == 40
    assert server.connection_count <= 3


async def test_an_answer_to_head_has_no_body_whatever_it_says() -> None:
    async with serving(always(b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n")) as server:
        spec = spec_of(server.url, Step(method="HEAD"), limits=limits(connections=3))
        outcome = await point_of(spec)
    assert outcome.counts.answered == 20
    assert server.connection_count <= 3


async def test_an_empty_answer_that_comes_without_the_end_of_its_head_is_waited_for() -> None:
    whole = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"

    async def script(_asked: Asked, writer: asyncio.StreamWriter) -> None:
        writer.write(whole[:-4])
        await asyncio.sleep(0.003)
        writer.write(whole[-4:])

    async with serving(script) as server:
        outcome = await point_of(spec_of(server.url, limits=limits(connections=1)))
    assert outcome.counts.answered == 20
    assert server.connection_count == 1


async def test_answers_without_content_have_no_body() -> None:
    async with serving(always(b"HTTP/1.1 204 No Content\r\n\r\n")) as server:
        outcome = await point_of(spec_of(server.url))
    assert outcome.counts.statuses == {"204": 20}


async def test_statuses_that_are_not_good_are_failures_with_their_status() -> None:
    async with serving(always(answer(b"no", "503 Down"))) as server:
        outcome = await point_of(spec_of(server.url))
    assert outcome.counts.errors == {"STATUS": 20}
    assert outcome.counts.statuses == {"503": 20}
    assert outcome.part.response.total == 20, "they took their time, and it counts"
    assert outcome.part.notes == {"STATUS": "GET /: status 503"}


async def test_notes_are_those_of_the_point() -> None:
    answers = iter([answer(b"", "503 Down")] * 20)

    async def script(_asked: Asked, writer: asyncio.StreamWriter) -> None:
        writer.write(next(answers, answer()))

    async with serving(script) as server, generating(spec_of(server.url)) as generator:
        assert (await run_point(generator)).part.notes
        assert not (await run_point(generator)).part.notes


async def test_the_servers_own_span_is_read_from_its_header() -> None:
    timing = 'db;dur=1.5, processing;desc="x";dur=12.5'
    async with serving(always(answer(Server_Timing=timing))) as server:
        outcome = await point_of(spec_of(server.url))
    assert outcome.part.server.total == 20
    assert outcome.part.server.percentile(50) == pytest.approx(0.0125, rel=0.001)


async def test_bytes_are_counted() -> None:
    async with serving(always(answer(b"x" * 1000))) as server:
        outcome = await point_of(spec_of(server.url))
    assert outcome.counts.received_bytes == 20 * len(answer(b"x" * 1000))
    assert outcome.counts.sent_bytes > 20 * len("GET / HTTP/1.1")


async def test_a_kept_connection_that_the_target_closes_is_asked_again_elsewhere() -> None:
    async with serving(closing_a_kept_connection()) as server:
        outcome = await point_of(spec_of(server.url))
    assert outcome.counts.answered == outcome.counts.sent == 20
    assert len(server.asked) == 21


async def test_what_changes_something_is_not_asked_twice() -> None:
    async with serving(closing_a_kept_connection()) as server:
        outcome = await point_of(spec_of(server.url, Step(method="POST", body="pay")))
    assert outcome.counts.errors == {"CLOSED": 1}
    assert len(server.asked) == 20


def closing_a_kept_connection() -> Script:
    """One request on a connection that is in use already is read, and answered with its end."""
    closings = iter([True])

    async def script(asked: Asked, writer: asyncio.StreamWriter) -> None:
        if asked.place and next(closings, False):
            writer.close()
        else:
            writer.write(answer())

    return script
