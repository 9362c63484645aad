"""A real gRPC server whose services only its .proto files describe."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass
from grpc_reflection.v1alpha import reflection
from grpc_reflection.v1alpha.reflection_pb2 import (
    ServerReflectionRequest,
    ServerReflectionResponse,
)
from grpc_tools import protoc

SHOP = """
syntax = "proto3";
package shop.v1;
import "google/protobuf/duration.proto";
import "shop/v1/item.proto";

message PriceRequest {
  Item item = 1;
  int32 pieces = 2;
}
message PriceAnswer {
  int64 price_in_cents = 1;
  bool is_reduced = 2;
  google.protobuf.Duration delivery_time = 3;
}
service Shop {
  rpc Price(PriceRequest) returns (PriceAnswer);
  rpc Follow(PriceRequest) returns (stream PriceAnswer);
}
"""
ITEM = """
syntax = "proto3";
package shop.v1;
message Item {
  string name = 1;
}
"""
SERVICE = "shop.v1.Shop"
CENTS_A_PIECE = 250


def write_protos(folder: Path) -> Path:
    """The service's .proto file, beside the one that it imports."""
    place = folder / "shop" / "v1"
    place.mkdir(parents=True)
    (place / "item.proto").write_text(ITEM)
    (place / "shop.proto").write_text(SHOP)
    return place / "shop.proto"


@dataclass(slots=True)
class ShopServer:
    """A server and what it saw."""

    port: int
    metadata: list[dict[str, Any]] = field(default_factory=list)

    @property
    def target(self) -> str:
        """Of a load test, without TLS."""
        return f"grpc://127.0.0.1:{self.port}"


@asynccontextmanager
async def shop_server(
    folder: Path,
    *,
    reflections: Sequence[str] = ("v1", "v1alpha"),
    credentials: grpc.ServerCredentials | None = None,
    body_bytes: int = 0,
) -> AsyncIterator[ShopServer]:
    """Serves prices: of "gold" NOT_FOUND, of "patience" never.

    Args:
        folder: Has the .proto files that `write_protos` wrote.
        reflections: Versions of the reflection that it offers.
        body_bytes: Answers have at least so many.
    """
    pool = _pool(folder)
    request_class = GetMessageClass(pool.FindMessageTypeByName("shop.v1.PriceRequest"))
    answer_class = GetMessageClass(pool.FindMessageTypeByName("shop.v1.PriceAnswer"))
    server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
    if credentials is None:
        port = server.add_insecure_port("127.0.0.1:0")
    else:
        port = server.add_secure_port("127.0.0.1:0", credentials)
    shop = ShopServer(port)

    async def price(request: Any, context: Any) -> Any:
        shop.metadata.append(dict(context.invocation_metadata()))
        if request.item.name == "gold":
            await context.abort(grpc.StatusCode.NOT_FOUND, "no gold here")
        if request.item.name == "patience":
            await asyncio.Event().wait()
        await context.send_initial_metadata((("shop", "corner"),))
        context.set_trailing_metadata((("till", "3"),))
        answer: Any = answer_class(price_in_cents=CENTS_A_PIECE * request.pieces)
        answer.delivery_time.seconds = 90
        if body_bytes:
            answer.MergeFromString(b"\x7a" + _varint(body_bytes) + bytes(body_bytes))
        return answer

    async def follow(request: Any, context: Any) -> AsyncIterator[Any]:
        yield answer_class()

    server.add_generic_rpc_handlers(
        (
            grpc.method_handlers_generic_handler(
                SERVICE,
                {
                    "Price": grpc.unary_unary_rpc_method_handler(
                        price, request_class.FromString, answer_class.SerializeToString
                    ),
                    "Follow": grpc.unary_stream_rpc_method_handler(
                        follow, request_class.FromString, answer_class.SerializeToString
                    ),
                },
            ),
        )
    )
    _add_reflections(server, pool, reflections)
    await server.start()
    try:
        yield shop
    finally:
        await server.stop(None)


def _add_reflections(
    server: grpc.aio.Server, pool: DescriptorPool, versions: Sequence[str]
) -> None:
    for version in versions:
        name = f"grpc.reflection.{version}.ServerReflection"
        servicer = reflection.aio.ReflectionServicer((SERVICE, name), pool=pool)
        handler = grpc.stream_stream_rpc_method_handler(
            servicer.ServerReflectionInfo,
            ServerReflectionRequest.FromString,
            ServerReflectionResponse.SerializeToString,
        )
        server.add_generic_rpc_handlers(
            (grpc.method_handlers_generic_handler(name, {"ServerReflectionInfo": handler}),)
        )


def _pool(folder: Path) -> DescriptorPool:
    output = folder / "descriptors"
    well_known = Path(protoc.__file__).parent / "_proto"
    arguments = [
        "protoc",
        f"-I{folder}",
        f"-I{well_known}",
        f"--descriptor_set_out={output}",
        "--include_imports",
        "shop/v1/shop.proto",
    ]
    assert protoc.main(arguments) == 0
    pool = DescriptorPool()
    for file in FileDescriptorSet.FromString(output.read_bytes()).file:
        pool.Add(file)
    return pool


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    out.append(number)
    return bytes(out)
