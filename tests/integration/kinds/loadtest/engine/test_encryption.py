"""Encrypted targets, and whom they must prove to be."""

import asyncio
import ssl
from pathlib import Path

import pytest
import trustme

from tensorfleet.kinds.loadtest.spec import Step, Tls
from tensorfleet.shared.errors import InvalidInput, Unavailable
from tests.integration.kinds.loadtest.engine.points import limits, point_of, spec_of
from tests.integration.kinds.loadtest.servers import always, answer, serving, then_close


@pytest.fixture
def authority(tmp_path: Path) -> trustme.CA:
    """Its certificate is in ca.pem of the folder."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    return authority


def server_side(authority: trustme.CA, *names: str) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(*names).configure_cert(context)
    return context


async def test_a_trusted_target_is_spoken_to_encrypted(
    authority: trustme.CA, tmp_path: Path
) -> None:
    async with serving(always(answer()), tls=server_side(authority, "127.0.0.1")) as server:
        spec = spec_of(server.url, tls=Tls(ca_file="ca.pem"), limits=limits(connections=3))
        outcome = await point_of(spec, folder=tmp_path)
    assert outcome.counts.answered == 20
    assert server.connection_count <= 3


async def test_a_connection_that_ends_after_each_answer_is_opened_anew(
    authority: trustme.CA, tmp_path: Path
) -> None:
    script = always(answer(Connection="close"))
    async with serving(script, tls=server_side(authority, "127.0.0.1")) as server:
        spec = spec_of(server.url, tls=Tls(ca_file="ca.pem"), limits=limits(connections=2))
        outcome = await point_of(spec, folder=tmp_path)
    assert outcome.counts.answered == 20


async def test_a_body_until_the_end_is_whole_when_the_connection_ends_well(
    authority: trustme.CA, tmp_path: Path
) -> None:
    script = then_close(b"HTTP/1.1 200 OK\r\n\r\nfine")
    async with serving(script, tls=server_side(authority, "127.0.0.1")) as server:
        outcome = await point_of(spec_of(server.url, tls=Tls(ca_file="ca.pem")), folder=tmp_path)
    assert outcome.counts.answered == 20


async def test_an_unknown_authority_is_not_accepted(authority: trustme.CA) -> None:
    async with serving(always(answer()), tls=server_side(authority, "127.0.0.1")) as server:
        with pytest.raises(Unavailable, match="certificate is not accepted"):
            await point_of(spec_of(server.url))
    assert server.asked == []


async def test_a_certificate_of_another_name_is_not_accepted(
    authority: trustme.CA, tmp_path: Path
) -> None:
    async with serving(always(answer()), tls=server_side(authority, "other.test")) as server:
        spec = spec_of(server.url, tls=Tls(ca_file="ca.pem"))
        with pytest.raises(Unavailable, match="certificate is not accepted"):
            await point_of(spec, folder=tmp_path)
        named = spec_of(server.url, tls=Tls(ca_file="ca.pem", server_name="other.test"))
        outcome = await point_of(named, folder=tmp_path)
    assert outcome.counts.answered == 20


async def test_verification_can_be_left_out(authority: trustme.CA) -> None:
    async with serving(always(answer()), tls=server_side(authority, "other.test")) as server:
        outcome = await point_of(spec_of(server.url, tls=Tls(verify=False)))
    assert outcome.counts.answered == 20


async def test_a_target_without_encryption_is_told() -> None:
    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(answer(b"", "400 Bad Request"))
        writer.close()

    server = await asyncio.start_server(greet, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(Unavailable, match="it does not speak TLS as it should"):
            await point_of(spec_of(f"https://127.0.0.1:{port}"))


async def test_an_encrypted_target_asked_in_the_clear_answers_garbage(
    authority: trustme.CA,
) -> None:
    async with serving(always(answer()), tls=server_side(authority, "127.0.0.1")) as server:
        outcome = await point_of(spec_of(f"http://127.0.0.1:{server.port}", Step(method="POST")))
    assert outcome.counts.failed == 20
    assert outcome.counts.errors.keys() <= {"BAD_ANSWER", "CLOSED", "RESET"}


@pytest.mark.parametrize("content", [None, "no certificate"])
async def test_a_file_of_certificates_that_is_none_is_told(
    content: str | None, tmp_path: Path
) -> None:
    if content is not None:
        (tmp_path / "ca.pem").write_text(content)
    with pytest.raises(InvalidInput, match=r"tls.ca_file 'ca.pem' cannot be used"):
        await point_of(spec_of("https://127.0.0.1:9", tls=Tls(ca_file="ca.pem")), folder=tmp_path)
