"""What a gRPC server tells of its services: reflection v1 or, from older servers, v1alpha.

https://github.com/grpc/grpc/blob/master/doc/server-reflection.md; both have the same messages.
"""

import asyncio
from collections.abc import Iterable, Sequence
from typing import Any

import grpc
import grpc.aio
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from google.protobuf.message import DecodeError
from grpc_reflection.v1alpha.reflection_pb2 import (
    ServerReflectionRequest,
    ServerReflectionResponse,
)

from tensorfleet.shared.errors import InvalidInput, Unavailable

_SERVICES = ("grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection")
_NO_MORE = "grpc.reflection."


async def reflected_files(
    channel: grpc.aio.Channel, target: str, timeout_seconds: float
) -> Sequence[FileDescriptorProto]:
    """The files that describe the server's services, with all that they import.

    Raises:
        InvalidInput: The server has no reflection, or tells nonsense.
        Unavailable: It does not answer.
    """
    try:
        async with asyncio.timeout(timeout_seconds):
            for service in _SERVICES:
                try:
                    return await _Reflection(channel, service).files()
                except grpc.aio.AioRpcError as exc:
                    if exc.code() is not grpc.StatusCode.UNIMPLEMENTED:
                        raise
    except grpc.aio.AioRpcError as exc:
        raise Unavailable(
            f"{target} does not tell its services: {exc.code().name}, {exc.details()}. Check the "
            "address, that the server runs and, with grpcs://, that tls.ca_file is what signed "
            "its certificate."
        ) from exc
    except TimeoutError as exc:
        raise Unavailable(
            f"{target} did not tell its services within {timeout_seconds:g} s. Check the address."
        ) from exc
    except DecodeError as exc:
        raise InvalidInput(f"{target} tells its services in a form that cannot be read.") from exc
    raise InvalidInput(
        f"{target} has no reflection, so its methods are not known. Switch it on there, or name "
        "the .proto file as grpc_proto."
    )


class _Reflection:
    """One of the two versions."""

    def __init__(self, channel: grpc.aio.Channel, service: str) -> None:
        self._stream = channel.stream_stream(
            f"/{service}/ServerReflectionInfo",
            request_serializer=ServerReflectionRequest.SerializeToString,
            response_deserializer=ServerReflectionResponse.FromString,
        )
        self._files: dict[str, FileDescriptorProto] = {}

    async def files(self) -> Sequence[FileDescriptorProto]:
        (listed,) = await self._ask([ServerReflectionRequest(list_services="")])
        services = [
            service.name
            for service in listed.list_services_response.service
            if not service.name.startswith(_NO_MORE)
        ]
        self._take(
            await self._ask(
                [ServerReflectionRequest(file_containing_symbol=name) for name in services]
            )
        )
        # Servers may leave imports to further questions.
        asked: set[str] = set()
        while missing := self._missing() - asked:
            asked |= missing
            self._take(
                await self._ask(
                    [ServerReflectionRequest(file_by_filename=name) for name in sorted(missing)]
                )
            )
        return list(self._files.values())

    async def _ask(self, requests: Sequence[Any]) -> list[Any]:
        return [answer async for answer in self._stream(iter(requests))]

    def _take(self, answers: Iterable[Any]) -> None:
        # An error answer (a service without description, a well-known import) has no files.
        for answer in answers:
            for encoded in answer.file_descriptor_response.file_descriptor_proto:
                file = FileDescriptorProto.FromString(encoded)
                self._files[file.name] = file

    def _missing(self) -> set[str]:
        needed = {name for file in self._files.values() for name in file.dependency}
        return needed - self._files.keys()
