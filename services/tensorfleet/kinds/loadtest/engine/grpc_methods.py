"""The methods of a gRPC server, and their messages from and to JSON."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from google.protobuf import json_format
from google.protobuf.descriptor import Descriptor, MethodDescriptor
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from google.protobuf.descriptor_pool import Default, DescriptorPool
from google.protobuf.message import DecodeError, EncodeError, Message
from google.protobuf.message_factory import GetMessageClass

from tensorfleet.shared.errors import InvalidInput

MOST_NAMES_IN_MESSAGE = 20


class GrpcMethods:
    """Filled once from the files that describe a server."""

    def __init__(self, target: str) -> None:
        self._target = target
        self._pool = DescriptorPool()
        self._methods: dict[str, MethodDescriptor] = {}

    def add(self, files: Iterable[FileDescriptorProto]) -> None:
        """Takes the files, in any order; imports that are missing may be well-known ones.

        Raises:
            InvalidInput: They do not fit together.
        """
        waiting = {file.name: file for file in files}
        names = list(waiting)
        try:
            for name in names:
                self._add_file(name, waiting)
            for name in names:
                for service in self._pool.FindFileByName(name).services_by_name.values():
                    for method in service.methods:
                        self._methods[f"{service.full_name}/{method.name}"] = method
        except (TypeError, KeyError) as exc:
            raise InvalidInput(
                f"The services of {self._target} are described wrongly: {exc}"
            ) from exc

    def unary(self) -> Sequence[str]:
        """Names of the methods that can be called."""
        return sorted(name for name, method in self._methods.items() if not _streams(method))

    def encode(self, rpc: str, message: Mapping[str, Any]) -> bytes:
        """See `GrpcChannel.encode`."""
        kind = self._method(rpc).input_type
        try:
            filled: Message = json_format.ParseDict(
                dict(message), GetMessageClass(kind)(), descriptor_pool=self._pool
            )
            return filled.SerializeToString()
        except (json_format.ParseError, EncodeError, TypeError, ValueError) as exc:
            raise InvalidInput(
                f"The message of {rpc} is no {kind.full_name}: {_first_line(exc)} {_fields(kind)}"
            ) from exc

    def decode(self, rpc: str, body: bytes) -> dict[str, Any]:
        """See `GrpcChannel.decode`."""
        kind = self._method(rpc).output_type
        try:
            answer = GetMessageClass(kind).FromString(body)
            return json_format.MessageToDict(
                answer,
                preserving_proto_field_name=True,
                always_print_fields_with_no_presence=True,
                descriptor_pool=self._pool,
            )
        except (DecodeError, TypeError, ValueError) as exc:
            raise InvalidInput(f"The answer of {rpc} is no {kind.full_name}: {exc}") from exc

    def _add_file(self, name: str, waiting: dict[str, FileDescriptorProto]) -> None:
        file = waiting.pop(name, None)
        if file is None:
            return
        for dependency in file.dependency:
            if dependency in waiting:
                self._add_file(dependency, waiting)
            elif not self._has(dependency):
                self._add_well_known(dependency)
        self._pool.Add(file)

    def _has(self, name: str) -> bool:
        try:
            self._pool.FindFileByName(name)
        except KeyError:
            return False
        return True

    def _add_well_known(self, name: str) -> None:
        known = FileDescriptorProto()
        Default().FindFileByName(name).CopyToProto(known)
        self._add_file(name, {name: known})

    def _method(self, rpc: str) -> MethodDescriptor:
        method = self._methods.get(rpc.lstrip("/"))
        if method is None:
            raise InvalidInput(
                f"{self._target} has no method “{rpc}”. Write package.Service/Method; "
                f"it has {_listed(self.unary())}."
            )
        if _streams(method):
            raise InvalidInput(
                f"{rpc} streams; a load test calls unary methods only. "
                f"{self._target} has {_listed(self.unary())}."
            )
        return method


def _streams(method: MethodDescriptor) -> bool:
    return method.client_streaming or method.server_streaming


def _first_line(exc: Exception) -> str:
    # What follows lists the fields in Python's way.
    return str(exc).partition("\n")[0]


def _fields(kind: Descriptor) -> str:
    return f"Its fields are {_listed([field.name for field in kind.fields])}."


def _listed(names: Sequence[str]) -> str:
    if not names:
        return "none"
    more = len(names) - MOST_NAMES_IN_MESSAGE
    shown = ", ".join(names[:MOST_NAMES_IN_MESSAGE])
    return f"{shown} and {more} more" if more > 0 else shown
