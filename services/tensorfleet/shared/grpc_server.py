"""The gRPC server of every service: health, reflection, limits, identity, errors, metrics, stop."""

import asyncio
import hmac
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, NoReturn

import grpc
import structlog
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from tensorfleet.shared import caller, errors, grpc_errors
from tensorfleet.shared.metrics import RpcMetrics

MAX_MESSAGE_BYTES = 16 * 1024 * 1024
MAX_UNARY_SECONDS = 60.0
TOKEN_KEY = "authorization"  # noqa: S105  the metadata key, not the token

# Liveness probes come from things that know no token.
_OPEN_PREFIX = "/grpc.health.v1.Health/"

SERVER_OPTIONS: list[tuple[str, int]] = [
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
    # Workers' standing streams cross NATs and proxies: pings find dead peers.
    ("grpc.keepalive_time_ms", 20_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
    ("grpc.keepalive_permit_without_calls", 1),
    # Two replicas must not share a port by accident.
    ("grpc.so_reuseport", 0),
]

log = structlog.get_logger(__name__)

AddServicer = Callable[[grpc.aio.Server], None]


class ServerInterceptor(grpc.aio.ServerInterceptor):
    """What happens around each request: token, caller, request id, deadline, errors, metrics."""

    def __init__(self, service_token: str, metrics: RpcMetrics) -> None:
        self._expected = f"Bearer {service_token}".encode()
        self._metrics = metrics

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Any]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Any:
        """Wraps the handler; see grpc.aio.ServerInterceptor."""
        handler = await continuation(handler_call_details)
        method: str = handler_call_details.method
        if handler is None or method.startswith(_OPEN_PREFIX):
            return handler
        if handler.response_streaming:
            wrapped = self._wrap_stream(method, handler.unary_stream or handler.stream_stream)
            if handler.request_streaming:
                return handler._replace(stream_stream=wrapped)
            return handler._replace(unary_stream=wrapped)
        wrapped_unary = self._wrap_unary(method, handler.unary_unary or handler.stream_unary)
        if handler.request_streaming:
            return handler._replace(stream_unary=wrapped_unary)
        return handler._replace(unary_unary=wrapped_unary)

    def _wrap_unary(self, method: str, inner: Callable[..., Awaitable[Any]]) -> Callable[..., Any]:
        async def unary(request: Any, context: Any) -> Any:
            started = time.monotonic()
            status = grpc.StatusCode.OK
            try:
                self._enter(context)
                async with asyncio.timeout(MAX_UNARY_SECONDS):
                    return await inner(request, context)
            except asyncio.CancelledError:
                status = grpc.StatusCode.CANCELLED
                raise
            except Exception as exc:  # noqa: BLE001  the boundary: everything becomes a status
                status = _status_for(exc, context)
                await _abort(exc, context, method)
            finally:
                self._metrics.count(method, status.name, time.monotonic() - started)

        return unary

    def _wrap_stream(
        self, method: str, inner: Callable[..., AsyncIterator[Any]]
    ) -> Callable[..., AsyncIterator[Any]]:
        async def stream(request: Any, context: Any) -> AsyncIterator[Any]:
            status = grpc.StatusCode.OK
            try:
                self._enter(context)
                async for response in inner(request, context):
                    yield response
            except (asyncio.CancelledError, GeneratorExit):
                status = grpc.StatusCode.CANCELLED
                raise
            except Exception as exc:  # noqa: BLE001  the boundary: everything becomes a status
                status = _status_for(exc, context)
                await _abort(exc, context, method)
            finally:
                self._metrics.count(method, status.name, None)

        return stream

    def _enter(self, context: Any) -> None:
        metadata = context.invocation_metadata() or ()
        who, request_id = caller.from_metadata(metadata)
        caller.current_caller.set(who)
        caller.current_request_id.set(request_id)
        given = next((value for key, value in metadata if key == TOKEN_KEY), "")
        given_bytes = given if isinstance(given, bytes) else given.encode()
        if not hmac.compare_digest(given_bytes, self._expected):
            raise errors.Unauthenticated(
                "the service token is missing or wrong; give every service the same "
                "TENSORFLEET_SERVICE_TOKEN"
            )


def _status_for(exc: Exception, context: Any) -> grpc.StatusCode:
    if isinstance(exc, grpc.aio.AbortError):
        return grpc.StatusCode(context.code()) if context.code() else grpc.StatusCode.UNKNOWN
    if isinstance(exc, errors.TensorFleetError):
        return grpc_errors.status_of(exc)
    if isinstance(exc, TimeoutError):
        return grpc.StatusCode.DEADLINE_EXCEEDED
    if _is_not_overridden(exc, context):
        return grpc.StatusCode.UNIMPLEMENTED
    return grpc.StatusCode.INTERNAL


def _is_not_overridden(exc: Exception, context: Any) -> bool:
    """Whether the generated base class answered: the servicer does not have this method."""
    return isinstance(exc, NotImplementedError) and context.code() == grpc.StatusCode.UNIMPLEMENTED


async def _abort(exc: Exception, context: Any, method: str) -> NoReturn:
    if isinstance(exc, grpc.aio.AbortError):
        raise exc
    if isinstance(exc, errors.TensorFleetError):
        error = exc
    elif isinstance(exc, TimeoutError):
        error = errors.DeadlineExceeded(f"{method} took longer than {MAX_UNARY_SECONDS:.0f} s")
    elif _is_not_overridden(exc, context):
        error = errors.Unimplemented(f"this version does not have {method}")
    else:
        log.error("request failed unexpectedly", method=method, exc_info=exc)
        error = errors.TensorFleetError(
            f"internal error; the logs have request id {caller.current_request_id.get()}"
        )
    await context.abort(
        grpc_errors.status_of(error),
        str(error),
        ((grpc_errors.STATUS_DETAILS_KEY, grpc_errors.encode_details(error)),),
    )
    raise AssertionError("abort returned")


class GrpcServer:
    """A started server: its port, and the health that it tells."""

    def __init__(self, server: grpc.aio.Server, port: int, servicer: health.aio.HealthServicer):
        self.port = port
        self._server = server
        self._health = servicer

    async def set_health(self, name: str, is_healthy: bool) -> None:
        """Sets what the health service answers for `name`; "" is the server as a whole."""
        status = health_pb2.HealthCheckResponse.ServingStatus
        await self._health.set(name, status.SERVING if is_healthy else status.NOT_SERVING)

    async def stop(self, grace_seconds: float) -> None:
        """Stops accepting, lets requests under way finish within the grace, then closes."""
        await self._health.enter_graceful_shutdown()
        await self._server.stop(grace_seconds)


@asynccontextmanager
async def grpc_server_started(
    *,
    listen: str,
    service_token: str,
    add_servicers: Sequence[AddServicer],
    service_names: Sequence[str],
    metrics: RpcMetrics,
    grace_seconds: float,
) -> AsyncIterator[GrpcServer]:
    """Runs a server on `host:port` (port 0: any) until the block ends.

    Args:
        service_names: Full names of the services, for reflection.

    Raises:
        InvalidInput: The address cannot be listened on.
    """
    server = grpc.aio.server(
        interceptors=[ServerInterceptor(service_token, metrics)], options=SERVER_OPTIONS
    )
    health_servicer = health.aio.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(health_servicer, server)
    for add in add_servicers:
        add(server)
    reflection.enable_server_reflection(
        [*service_names, health.SERVICE_NAME, reflection.SERVICE_NAME], server
    )
    try:
        port = server.add_insecure_port(listen)
    except RuntimeError as exc:
        raise errors.InvalidInput(f"cannot listen on {listen}: is the port taken?") from exc
    await server.start()
    running = GrpcServer(server, port, health_servicer)
    await running.set_health("", True)
    try:
        yield running
    finally:
        await running.stop(grace_seconds)
