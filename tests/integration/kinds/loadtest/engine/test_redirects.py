"""Answers that point elsewhere."""

import asyncio

import pytest

from tensorfleet.kinds.loadtest.spec import Step
from tests.integration.kinds.loadtest.engine.points import point_of, spec_of
from tests.integration.kinds.loadtest.servers import Asked, Script, always, answer, serving


def leading(status: str, **ways: str) -> Script:
    """Points from paths, without their slash, to others; any other path is the end."""

    async def script(asked: Asked, writer: asyncio.StreamWriter) -> None:
        location = ways.get(asked.path.strip("/").replace("/", "_"))
        if location is None:
            writer.write(answer())
        else:
            writer.write(answer(b"go", status, Location=location))

    return script


def step(path: str = "/a", **fields: object) -> Step:
    return Step(path=path, follow_redirects=3, **fields)  # type: ignore[arg-type]


async def test_a_redirect_is_an_answer_unless_it_is_to_be_followed() -> None:
    async with serving(leading("302 Found", a="/b")) as server:
        outcome = await point_of(spec_of(server.url, Step(path="/a")))
    assert outcome.counts.statuses == {"302": 20}
    assert set(server.paths) == {"/a"}


@pytest.mark.parametrize(
    ("location", "path"),
    [("/b", "/b"), ("b", "/a/b"), ("?x=1", "/a/c?x=1"), ("../z#part", "/z"), ("/b c", None)],
)
async def test_a_redirect_is_followed_from_where_it_was_given(
    location: str, path: str | None
) -> None:
    async with serving(leading("302 Found", a_c=location)) as server:
        outcome = await point_of(spec_of(server.url, step("/a/c")))
    if path is None:
        assert outcome.counts.errors == {"BAD_REDIRECT": 20}
    else:
        assert outcome.counts.answered == 20
        assert server.paths[-1] == path


async def test_redirects_are_followed_one_after_another() -> None:
    async with serving(leading("302 Found", a="/x/b", x_b="c", x_c="d")) as server:
        outcome = await point_of(spec_of(server.url, step()))
    assert outcome.counts.answered == 20
    assert server.paths.count("/x/d") == 20
    assert outcome.part.response.total == outcome.counts.sent == 20


async def test_redirects_without_end_are_given_up() -> None:
    async with serving(leading("302 Found", a="/a")) as server:
        outcome = await point_of(spec_of(server.url, step()))
    assert outcome.counts.errors == {"TOO_MANY_REDIRECTS": 20}
    assert len(server.asked) == 20 * 4


@pytest.mark.parametrize("location", ["http://[", "ftp://127.0.0.1/x", "http://u:p@127.0.0.1/", ""])
async def test_a_redirect_to_what_is_no_address_is_a_failure(location: str) -> None:
    async with serving(leading("302 Found", a=location)) as server:
        outcome = await point_of(spec_of(server.url, step()))
    assert outcome.counts.errors == {"BAD_REDIRECT": 20}


async def test_a_redirect_to_a_host_that_was_not_named_is_not_followed() -> None:
    async with (
        serving(always(answer())) as stranger,
        serving(leading("302 Found", a=f"{stranger.url}/b")) as server,
    ):
        outcome = await point_of(spec_of(server.url, step()))
    assert outcome.counts.errors == {"REDIRECT_ELSEWHERE": 20}
    assert stranger.connection_count == 0


async def test_a_redirect_to_a_named_target_does_not_take_secrets_along() -> None:
    headers = {"Authorization": "secret", "Cookie": "secret", "X-Mine": "kept"}
    async with (
        serving(always(answer())) as other,
        serving(leading("302 Found", a=f"{other.url}/b", c="/d")) as server,
    ):
        spec = spec_of(server.url, step(headers=headers), targets=(other.url,))
        outcome = await point_of(spec)
        await point_of(spec_of(server.url, step("/c", headers=headers)))
    assert outcome.counts.answered == 20
    assert {asked.path for asked in other.asked} == {"/b"}
    for asked in other.asked:
        assert asked.headers["x-mine"] == "kept"
        assert not asked.headers.keys() & {"authorization", "cookie"}
    assert next(a for a in server.asked if a.path == "/d").headers["authorization"] == "secret"


@pytest.mark.parametrize(
    ("status", "method", "then", "body"),
    [
        ("303 See Other", "POST", "GET", b""),
        ("303 See Other", "DELETE", "GET", b""),
        ("302 Found", "POST", "GET", b""),
        ("301 Moved", "PUT", "PUT", b"data"),
        ("307 Temporary", "POST", "POST", b"data"),
        ("308 Permanent", "POST", "POST", b"data"),
        ("303 See Other", "HEAD", "HEAD", b""),
    ],
)
async def test_the_method_after_a_redirect_is_that_of_its_status(
    status: str, method: str, then: str, body: bytes
) -> None:
    async def script(asked: Asked, writer: asyncio.StreamWriter) -> None:
        data = answer(b"", status, Location="/b") if asked.path == "/a" else answer(b"")
        writer.write(data)

    async with serving(script) as server:
        sent = "" if method == "HEAD" else "data"
        outcome = await point_of(spec_of(server.url, step(method=method, body=sent)))
    assert outcome.counts.answered == 20
    followed = [asked for asked in server.asked if asked.path == "/b"]
    assert {(asked.method, asked.body) for asked in followed} == {(then, body)}
