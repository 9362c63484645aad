"""A gRPC target: unary calls with messages that are known only while it runs."""

import asyncio
import re
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import grpc.aio

from tensorfleet.kinds.loadtest.engine.grpc_methods import GrpcMethods
from tensorfleet.kinds.loadtest.engine.grpc_reflection_client import reflected_files
from tensorfleet.kinds.loadtest.engine.proto_file import compiled_files
from tensorfleet.kinds.loadtest.spec import Limits, Tls
from tensorfleet.shared.errors import InvalidInput

OPEN_SECONDS = 10.0
_PLAIN = "grpc://"
_SECURE = "grpcs://"
_METADATA_NAME = re.compile(r"(?!.*-bin$)[0-9a-z_.-]+")
_METADATA_VALUE = re.compile(r"[ -~]*")

# What is measured is one request: gRPC must not repeat it, share its connection with other
# channels, or reach for anything that the user did not name.
_OPTIONS: tuple[tuple[str, int], ...] = (
    ("grpc.enable_retries", 0),
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.enable_http_proxy", 0),
    ("grpc.service_config_disable_resolution", 1),
    # A target that was away for a moment is found again soon, not after minutes.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1000),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class GrpcAnswer:
    """What became of a call."""

    code: str
    """"OK", "UNAVAILABLE", "DEADLINE_EXCEEDED", ..."""
    body: bytes = b""
    message: str = ""
    """The status's."""
    metadata: Mapping[str, str] = field(default_factory=dict)
    """Initial and trailing, by lower-case name; of repeated ones the last, binary ones left out."""


class GrpcChannel:
    """One connection to a gRPC server.

    Args:
        target: "grpc://host:port", or "grpcs://host:port" for TLS.
        tls: How the server proves who it is.
        proto_file: Describes the services; None: the server's reflection does.
        folder: Where `tls.ca_file` is, unless its path is absolute.
        max_body_bytes: Of an answer; a larger one is RESOURCE_EXHAUSTED.

    Raises:
        InvalidInput: The target is no gRPC URL.
    """

    def __init__(
        self,
        target: str,
        tls: Tls,
        proto_file: Path | None,
        *,
        folder: Path | None = None,
        max_body_bytes: int = Limits().max_body_bytes,
        connect_timeout_seconds: float = Limits().connect_timeout_seconds,
        open_seconds: float = OPEN_SECONDS,
    ) -> None:
        self._target = target
        self._address = _address(target)
        self._tls = tls
        self._folder = folder or Path()
        self._proto_file = proto_file
        self._max_body_bytes = max_body_bytes
        self._connect_timeout_seconds = connect_timeout_seconds
        self._open_seconds = open_seconds
        self._channel: grpc.aio.Channel | None = None
        self._methods = GrpcMethods(target)
        self._calls: dict[str, grpc.aio.UnaryUnaryMultiCallable[bytes, bytes]] = {}

    async def open(self) -> None:
        """Learns the services. With a .proto file nothing is sent yet.

        Raises:
            InvalidInput: The .proto or certificate file cannot be used, or the server has no
                reflection.
            Unavailable: The server does not answer, or not with a certificate that is trusted.
        """
        self._channel = await self._connect()
        try:
            if self._proto_file is not None:
                self._methods.add(await compiled_files(self._proto_file))
            else:
                self._methods.add(
                    await reflected_files(self._channel, self._target, self._open_seconds)
                )
        except BaseException:
            await self.close()
            raise

    def methods(self) -> Sequence[str]:
        """The unary methods that can be called, as "package.Service/Method"."""
        return self._methods.unary()

    def encode(self, rpc: str, message: Mapping[str, Any]) -> bytes:
        """A method's request from its JSON form (https://protobuf.dev/programming-guides/json/;
        fields by their name in the .proto or in lowerCamelCase).

        Raises:
            InvalidInput: There is no such method, it streams, or the message does not fit.
        """
        return self._methods.encode(rpc, message)

    def decode(self, rpc: str, body: bytes) -> dict[str, Any]:
        """A method's answer as JSON: fields by their name in the .proto, with those that have
        their default value; 64-bit numbers are texts, as the JSON form wants it.

        Raises:
            InvalidInput: There is no such method, it streams, or the body is not its answer.
        """
        return self._methods.decode(rpc, body)

    async def call(
        self,
        rpc: str,
        payload: bytes,
        metadata: Mapping[str, str] | Sequence[tuple[str, str]] = (),
        timeout_seconds: float | None = None,
    ) -> GrpcAnswer:
        """Sends one request and waits for its answer, whatever its status.

        Args:
            rpc: A method that `encode` has taken.
            payload: What `encode` made.
            metadata: Names in lower case.
            timeout_seconds: The call's deadline; over it the code is DEADLINE_EXCEEDED.

        Raises:
            InvalidInput: `metadata` cannot be sent.
        """
        call = self._callable(rpc)(
            payload, metadata=_sendable(rpc, metadata), timeout=timeout_seconds
        )
        try:
            body = await call
        except grpc.aio.AioRpcError as exc:
            return GrpcAnswer(
                code=exc.code().name,
                message=exc.details() or "",
                metadata=_texts(exc.initial_metadata(), exc.trailing_metadata()),
            )
        return GrpcAnswer(
            code="OK",
            body=body,
            metadata=_texts(await call.initial_metadata(), await call.trailing_metadata()),
        )

    async def close(self) -> None:
        """Closes the connection; calls under way end as CANCELLED."""
        channel, self._channel = self._channel, None
        self._calls.clear()
        if channel is not None:
            await channel.close()

    def _callable(self, rpc: str) -> "grpc.aio.UnaryUnaryMultiCallable[bytes, bytes]":
        found = self._calls.get(rpc)
        if found is None:
            if self._channel is None:
                raise RuntimeError("the channel is not open")
            # Without serializers the bytes go as they are.
            found = self._calls[rpc] = self._channel.unary_unary(f"/{rpc.lstrip('/')}")
        return found

    async def _connect(self) -> grpc.aio.Channel:
        options: list[tuple[str, Any]] = [
            *_OPTIONS,
            # Its name hides that this is how long one attempt to connect may take.
            ("grpc.min_reconnect_backoff_ms", round(1000 * self._connect_timeout_seconds)),
            ("grpc.max_receive_message_length", self._max_body_bytes),
            ("grpc.max_send_message_length", -1),
        ]
        if not self._target.startswith(_SECURE):
            return grpc.aio.insecure_channel(self._address, options=options)
        roots = await self._roots()
        if self._tls.server_name:
            options.append(("grpc.ssl_target_name_override", self._tls.server_name))
        return grpc.aio.secure_channel(
            self._address, grpc.ssl_channel_credentials(roots), options=options
        )

    async def _roots(self) -> bytes | None:
        if not self._tls.verify:
            raise InvalidInput(
                f"gRPC always checks certificates, so tls.verify: false cannot be had for "
                f"{self._target}. Give the server's own certificate as tls.ca_file instead, and "
                "its name as tls.server_name where that differs from the address."
            )
        if not self._tls.ca_file:
            return None
        path = self._folder / self._tls.ca_file
        try:
            roots = await asyncio.to_thread(path.read_bytes)
            # gRPC itself tells of a file that is none by failing every handshake.
            ssl.create_default_context(cadata=roots.decode())
        except (OSError, ValueError) as exc:
            raise InvalidInput(f"tls.ca_file {path} cannot be used: {exc}.") from exc
        return roots


def _address(target: str) -> str:
    for scheme in (_PLAIN, _SECURE):
        if target.startswith(scheme):
            address = target.removeprefix(scheme).rstrip("/")
            host, colon, port = address.rpartition(":")
            if host and colon and port.isdigit() and "/" not in address:
                return address
    raise InvalidInput(
        f"“{target}” is no gRPC target. Write grpc://host:port, or grpcs://host:port for TLS."
    )


def _sendable(
    rpc: str, metadata: Mapping[str, str] | Sequence[tuple[str, str]]
) -> grpc.aio.Metadata:
    pairs = list(metadata.items() if isinstance(metadata, Mapping) else metadata)
    for name, value in pairs:
        if not _METADATA_NAME.fullmatch(name) or not _METADATA_VALUE.fullmatch(value):
            raise InvalidInput(
                f"The header “{name}” of {rpc} cannot be sent as gRPC metadata; names have lower "
                "case letters, digits and -_. only and do not end in -bin, values are plain ASCII."
            )
    return grpc.aio.Metadata(*pairs)


def _texts(*several: "grpc.aio.Metadata | None") -> dict[str, str]:
    return {
        key: value
        for metadata in several
        for key, value in (metadata or ())
        if isinstance(value, str)
    }
