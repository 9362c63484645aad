import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest
import trustme

from tensorfleet.kinds.loadtest.engine.grpc_channel import GrpcChannel
from tensorfleet.kinds.loadtest.spec import Tls
from tensorfleet.shared.errors import InvalidInput, Unavailable
from tests.wire.kinds.loadtest.engine.shop_server import shop_server, write_protos

PRICE = "shop.v1.Shop/Price"
BREAD = {"item": {"name": "bread"}, "pieces": 3}


@pytest.fixture
def proto_file(tmp_path: Path) -> Path:
    return write_protos(tmp_path)


@pytest.fixture
def authority() -> trustme.CA:
    return trustme.CA()


@asynccontextmanager
async def opened(
    target: str, tls: Tls | None = None, proto_file: Path | None = None, **options: Any
) -> AsyncIterator[GrpcChannel]:
    channel = GrpcChannel(target, tls or Tls(), proto_file, **options)
    await channel.open()
    try:
        yield channel
    finally:
        await channel.close()


def certificate_for(authority: trustme.CA, name: str) -> grpc.ServerCredentials:
    issued = authority.issue_cert(name)
    chain = b"".join(part.bytes() for part in issued.cert_chain_pems)
    return grpc.ssl_server_credentials([(issued.private_key_pem.bytes(), chain)])


def trusted(authority: trustme.CA, folder: Path, server_name: str = "") -> Tls:
    path = folder / "authority.pem"
    authority.cert_pem.write_to_path(path)
    return Tls(ca_file=str(path), server_name=server_name)


@pytest.mark.parametrize("version", ["v1", "v1alpha"])
async def test_methods_are_learned_by_reflection_and_called(
    tmp_path: Path, proto_file: Path, version: str
) -> None:
    async with (
        shop_server(tmp_path, reflections=[version]) as server,
        opened(server.target) as channel,
    ):
        answer = await channel.call(
            PRICE, channel.encode(PRICE, BREAD), {"customer": "7"}, timeout_seconds=10
        )
        assert answer.code == "OK"
        assert answer.metadata["shop"] == "corner"
        assert answer.metadata["till"] == "3"
        assert channel.decode(PRICE, answer.body) == {
            "price_in_cents": "750",
            "is_reduced": False,
            "delivery_time": "90s",
        }
        assert PRICE in channel.methods()
    assert server.metadata[0]["customer"] == "7"


async def test_methods_are_learned_from_a_proto_file(tmp_path: Path, proto_file: Path) -> None:
    async with (
        shop_server(tmp_path, reflections=[]) as server,
        opened(server.target, proto_file=proto_file) as channel,
    ):
        answer = await channel.call(PRICE, channel.encode(PRICE, BREAD))
        assert channel.decode(PRICE, answer.body)["price_in_cents"] == "750"
        assert channel.methods() == [PRICE]


async def test_statuses_are_answers(tmp_path: Path, proto_file: Path) -> None:
    async with shop_server(tmp_path) as server, opened(server.target) as channel:
        gold = channel.encode(PRICE, {"item": {"name": "gold"}})
        answer = await channel.call(PRICE, gold)
        assert (answer.code, answer.message, answer.body) == ("NOT_FOUND", "no gold here", b"")


async def test_deadline_ends_a_call(tmp_path: Path, proto_file: Path) -> None:
    async with shop_server(tmp_path) as server, opened(server.target) as channel:
        patience = channel.encode(PRICE, {"item": {"name": "patience"}})
        answer = await channel.call(PRICE, patience, timeout_seconds=0.05)
        assert answer.code == "DEADLINE_EXCEEDED"


async def test_cancelled_call_leaves_the_channel_usable(tmp_path: Path, proto_file: Path) -> None:
    async with shop_server(tmp_path) as server, opened(server.target) as channel:
        patience = channel.encode(PRICE, {"item": {"name": "patience"}})
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await channel.call(PRICE, patience)
        assert (await channel.call(PRICE, channel.encode(PRICE, BREAD))).code == "OK"


async def test_too_large_answer_is_refused(tmp_path: Path, proto_file: Path) -> None:
    async with (
        shop_server(tmp_path, body_bytes=5000) as server,
        opened(server.target, max_body_bytes=4000) as channel,
    ):
        answer = await channel.call(PRICE, channel.encode(PRICE, BREAD))
        assert answer.code == "RESOURCE_EXHAUSTED"


async def test_server_that_went_down_is_a_status(tmp_path: Path, proto_file: Path) -> None:
    async with shop_server(tmp_path) as server:
        channel = GrpcChannel(server.target, Tls(), None)
        await channel.open()
        payload = channel.encode(PRICE, BREAD)
    answer = await channel.call(PRICE, payload, timeout_seconds=10)
    await channel.close()
    assert answer.code == "UNAVAILABLE"


async def test_server_that_is_down_says_so_at_the_start() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: refused
        target = f"grpc://127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(Unavailable, match=f"{target} does not tell its services: UNAVAILABLE"):
            async with opened(target):
                pass


async def test_server_that_says_nothing_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        target = f"grpc://127.0.0.1:{silent.getsockname()[1]}"
        channel = GrpcChannel(target, Tls(), None, open_seconds=0.2)
        with pytest.raises(Unavailable, match=r"did not tell its services within 0.2 s"):
            await channel.open()


async def test_server_without_reflection_asks_for_a_proto_file(
    tmp_path: Path, proto_file: Path
) -> None:
    async with shop_server(tmp_path, reflections=[]) as server:
        with pytest.raises(InvalidInput, match=r"no reflection.*grpc_proto"):
            async with opened(server.target):
                pass


async def test_tls_server_is_trusted_by_its_authority(
    tmp_path: Path, proto_file: Path, authority: trustme.CA
) -> None:
    credentials = certificate_for(authority, "127.0.0.1")
    async with shop_server(tmp_path, credentials=credentials) as server:
        target = f"grpcs://127.0.0.1:{server.port}"
        async with opened(target, trusted(authority, tmp_path)) as channel:
            assert (await channel.call(PRICE, channel.encode(PRICE, BREAD))).code == "OK"


async def test_tls_server_may_have_another_name_than_its_address(
    tmp_path: Path, proto_file: Path, authority: trustme.CA
) -> None:
    credentials = certificate_for(authority, "shop.example")
    async with shop_server(tmp_path, credentials=credentials) as server:
        target = f"grpcs://127.0.0.1:{server.port}"
        async with opened(target, trusted(authority, tmp_path, "shop.example")) as channel:
            assert (await channel.call(PRICE, channel.encode(PRICE, BREAD))).code == "OK"
        with pytest.raises(Unavailable):
            async with opened(target, trusted(authority, tmp_path)):
                pass


async def test_certificate_of_another_authority_is_refused(
    tmp_path: Path, proto_file: Path, authority: trustme.CA
) -> None:
    credentials = certificate_for(authority, "127.0.0.1")
    async with shop_server(tmp_path, credentials=credentials) as server:
        target = f"grpcs://127.0.0.1:{server.port}"
        with pytest.raises(Unavailable, match=r"tls.ca_file"):
            async with opened(target, trusted(trustme.CA(), tmp_path)):
                pass


async def test_own_certificate_of_the_server_may_be_trusted(
    tmp_path: Path, proto_file: Path, authority: trustme.CA
) -> None:
    issued = authority.issue_cert("127.0.0.1")
    path = tmp_path / "server.pem"
    issued.cert_chain_pems[0].write_to_path(path)
    credentials = grpc.ssl_server_credentials(
        [(issued.private_key_pem.bytes(), issued.cert_chain_pems[0].bytes())]
    )
    async with (
        shop_server(tmp_path, credentials=credentials) as server,
        opened(f"grpcs://127.0.0.1:{server.port}", Tls(ca_file=str(path))) as channel,
    ):
        assert (await channel.call(PRICE, channel.encode(PRICE, BREAD))).code == "OK"


@pytest.mark.parametrize(
    ("rpc", "message", "told"),
    [
        ("shop.v1.Shop/Cost", {}, r"no method “shop.v1.Shop/Cost”.*it has .*shop.v1.Shop/Price"),
        ("shop.v1.Shop/Follow", {}, "streams; a load test calls unary methods only"),
        (PRICE, {"colour": 1}, '"colour".*Its fields are item, pieces'),
        (PRICE, {"pieces": "many"}, "pieces"),
        (PRICE, {"item": 3}, "is no shop.v1.PriceRequest"),
    ],
)
async def test_what_does_not_fit_is_told_before_anything_is_sent(
    tmp_path: Path, proto_file: Path, rpc: str, message: dict[str, object], told: str
) -> None:
    async with opened("grpc://127.0.0.1:1", proto_file=proto_file) as channel:
        with pytest.raises(InvalidInput, match=told):
            channel.encode(rpc, message)


async def test_body_that_is_no_answer_is_told(tmp_path: Path, proto_file: Path) -> None:
    async with opened("grpc://127.0.0.1:1", proto_file=proto_file) as channel:
        with pytest.raises(InvalidInput, match=r"is no shop.v1.PriceAnswer"):
            channel.decode(PRICE, b"\xff\xff\xff")


async def test_wrong_metadata_is_told(tmp_path: Path, proto_file: Path) -> None:
    async with opened("grpc://127.0.0.1:1", proto_file=proto_file) as channel:
        with pytest.raises(InvalidInput, match=r"“Custo mer” of .* lower case"):
            await channel.call(PRICE, b"", {"Custo mer": "7"}, timeout_seconds=10)


async def test_proto_file_with_an_error_is_told_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "broken.proto"
    path.write_text('syntax = "proto3";\nmessage Broken { strin name = 1; }\n')
    with pytest.raises(InvalidInput, match=r"broken.proto:2:18.*strin"):
        await GrpcChannel("grpc://127.0.0.1:1", Tls(), path).open()


async def test_absent_proto_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="cannot be read"):
        await GrpcChannel("grpc://127.0.0.1:1", Tls(), tmp_path / "none.proto").open()


@pytest.mark.parametrize("target", ["http://127.0.0.1:1", "grpc://host", "grpc://host:1/path", ""])
def test_target_must_be_a_grpc_url(target: str) -> None:
    with pytest.raises(InvalidInput, match="no gRPC target"):
        GrpcChannel(target, Tls(), None)


@pytest.mark.parametrize(
    ("tls", "told"),
    [
        (Tls(verify=False), "always checks certificates"),
        (Tls(ca_file="/nonexistent.pem"), "cannot be used"),
    ],
)
async def test_tls_that_cannot_be_had_is_told(tls: Tls, told: str) -> None:
    with pytest.raises(InvalidInput, match=told):
        await GrpcChannel("grpcs://127.0.0.1:1", tls, None).open()
