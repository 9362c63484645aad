"""Channels to other services: token, caller, request id, deadline and errors on every call."""

from collections.abc import Callable, Sequence
from typing import Any

import grpc

from tensorfleet.shared import caller
from tensorfleet.shared.grpc_errors import decode_rpc_error
from tensorfleet.shared.grpc_server import MAX_MESSAGE_BYTES, TOKEN_KEY

DEFAULT_DEADLINE_SECONDS = 20.0

CHANNEL_OPTIONS: list[tuple[str, Any]] = [
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
    ("grpc.keepalive_time_ms", 20_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.http2.max_pings_without_data", 0),
    ("grpc.keepalive_permit_without_calls", 1),
    # A restarted server is found again within a second, not after gRPC's default of two minutes.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1_000),
    # A proxy variable meant for the web must not catch the fleet's own traffic.
    ("grpc.enable_http_proxy", 0),
]


def _with_metadata(
    details: grpc.aio.ClientCallDetails, token: str, timeout: float | None
) -> grpc.aio.ClientCallDetails:
    metadata = grpc.aio.Metadata(*(details.metadata or ()))
    metadata.add(TOKEN_KEY, f"Bearer {token}")
    for key, value in caller.to_metadata():
        metadata.add(key, value)
    return grpc.aio.ClientCallDetails(
        method=details.method,
        timeout=details.timeout if details.timeout is not None else timeout,
        metadata=metadata,
        credentials=details.credentials,
        wait_for_ready=details.wait_for_ready,
    )


class UnaryInterceptor(grpc.aio.UnaryUnaryClientInterceptor):
    """Adds metadata and a deadline to unary calls, and raises TensorFleet's errors."""

    def __init__(self, token: str) -> None:
        self._token = token

    async def intercept_unary_unary(
        self, continuation: Callable[..., Any], client_call_details: Any, request: Any
    ) -> Any:
        """See grpc.aio.UnaryUnaryClientInterceptor."""
        details = _with_metadata(client_call_details, self._token, DEFAULT_DEADLINE_SECONDS)
        try:
            call = await continuation(details, request)
            return await call
        except grpc.aio.AioRpcError as rpc_error:
            raise decode_rpc_error(rpc_error) from rpc_error


class UnaryStreamInterceptor(grpc.aio.UnaryStreamClientInterceptor):
    """Adds metadata to calls answered by a stream; read them inside `rpc_errors_translated()`."""

    def __init__(self, token: str) -> None:
        self._token = token

    async def intercept_unary_stream(
        self, continuation: Callable[..., Any], client_call_details: Any, request: Any
    ) -> Any:
        """See grpc.aio.UnaryStreamClientInterceptor."""
        return await continuation(_with_metadata(client_call_details, self._token, None), request)


class StreamStreamInterceptor(grpc.aio.StreamStreamClientInterceptor):
    """Adds metadata to calls with streams both ways."""

    def __init__(self, token: str) -> None:
        self._token = token

    async def intercept_stream_stream(
        self, continuation: Callable[..., Any], client_call_details: Any, request_iterator: Any
    ) -> Any:
        """See grpc.aio.StreamStreamClientInterceptor."""
        details = _with_metadata(client_call_details, self._token, None)
        return await continuation(details, request_iterator)


# For channels with many streams whose readers may be slow. gRPC otherwise opens a stream's window
# as wide as the network is quick, up to 16 MiB, which then wait in memory.
NARROW_STREAMS: list[tuple[str, Any]] = [
    ("grpc.http2.bdp_probe", 0),
    ("grpc.http2.lookahead_bytes", 256 * 1024),
]


def open_channel(
    address: str, service_token: str, more_options: Sequence[tuple[str, Any]] = ()
) -> grpc.aio.Channel:
    """A channel to `host:port`; it connects at the first call and again after every break."""
    return grpc.aio.insecure_channel(
        address,
        options=[*CHANNEL_OPTIONS, *more_options],
        interceptors=[
            UnaryInterceptor(service_token),
            UnaryStreamInterceptor(service_token),
            StreamStreamInterceptor(service_token),
        ],
    )
