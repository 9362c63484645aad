"""What every gRPC server does around a request, over real sockets."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from prometheus_client import CollectorRegistry

from tensorfleet.orchestrator.v1 import job_service_pb2 as pb
from tensorfleet.orchestrator.v1 import job_service_pb2_grpc
from tensorfleet.shared import caller, errors
from tensorfleet.shared.grpc_client import open_channel
from tensorfleet.shared.grpc_errors import rpc_errors_translated
from tensorfleet.shared.grpc_server import GrpcServer, grpc_server_started
from tensorfleet.shared.metrics import RpcMetrics

TOKEN = "the-token-of-this-test-0123456789abcdef"
SERVICE = "tensorfleet.orchestrator.v1.JobService"


class OddServicer(job_service_pb2_grpc.JobServiceServicer):
    """Does what the job's id says."""

    def __init__(self) -> None:
        self.was_cancelled = asyncio.Event()

    async def GetJob(self, request: pb.GetJobRequest, context: Any) -> pb.GetJobResponse:
        """Fails in the way asked for, or tells who called."""
        match request.job_id:
            case "defect":
                raise ZeroDivisionError("a secret detail")
            case "refuse":
                field = errors.FieldError(field="job_id", message="is odd")
                raise errors.InvalidInput("give another", (field,))
            case "abort":
                await context.abort(grpc.StatusCode.DATA_LOSS, "by hand")
            case "hang":
                try:
                    await asyncio.sleep(1000)
                except asyncio.CancelledError:
                    self.was_cancelled.set()
                    raise
        who, request_id = caller.current_caller.get(), caller.current_request_id.get()
        response = pb.GetJobResponse()
        response.job.owner, response.job.project, response.job.id = (
            who.user,
            who.project,
            request_id,
        )
        return response

    async def WatchEvents(
        self, request: pb.WatchEventsRequest, context: Any
    ) -> AsyncIterator[pb.WatchEventsResponse]:
        """One answer, then a failure."""
        yield pb.WatchEventsResponse()
        raise errors.JobNotFound("it went away")


@asynccontextmanager
async def server_running(servicer: OddServicer) -> AsyncIterator[GrpcServer]:
    async with grpc_server_started(
        listen="127.0.0.1:0",
        service_token=TOKEN,
        add_servicers=[
            lambda s: job_service_pb2_grpc.add_JobServiceServicer_to_server(servicer, s)
        ],
        service_names=[SERVICE],
        metrics=RpcMetrics(CollectorRegistry(), "odd"),
        grace_seconds=0.2,
    ) as server:
        yield server


@pytest.fixture
def servicer() -> OddServicer:
    return OddServicer()


@pytest.fixture
async def channel(servicer: OddServicer) -> AsyncIterator[grpc.aio.Channel]:
    async with (
        server_running(servicer) as server,
        open_channel(f"127.0.0.1:{server.port}", TOKEN) as channel,
    ):
        yield channel


async def get(channel: grpc.aio.Channel, job_id: str, **options: Any) -> pb.GetJobResponse:
    stub = job_service_pb2_grpc.JobServiceStub(channel)
    return await stub.GetJob(pb.GetJobRequest(job_id=job_id), **options)


async def test_refusal_arrives_with_its_class_and_fields(channel: grpc.aio.Channel) -> None:
    with pytest.raises(errors.InvalidInput, match="give another") as raised:
        await get(channel, "refuse")
    assert [f.field for f in raised.value.fields] == ["job_id"]


async def test_defect_tells_a_request_id_and_no_detail(channel: grpc.aio.Channel) -> None:
    token = caller.current_request_id.set("request-7")
    try:
        with pytest.raises(errors.TensorFleetError) as raised:
            await get(channel, "defect")
    finally:
        caller.current_request_id.reset(token)
    assert type(raised.value) is errors.TensorFleetError
    assert "request-7" in str(raised.value)
    assert "secret" not in str(raised.value)


async def test_abort_by_hand_keeps_its_status(channel: grpc.aio.Channel) -> None:
    with pytest.raises(errors.TensorFleetError, match="by hand"):
        await get(channel, "abort")


async def test_deadline_ends_the_request_on_both_sides(
    channel: grpc.aio.Channel, servicer: OddServicer
) -> None:
    with pytest.raises(errors.DeadlineExceeded):
        await get(channel, "hang", timeout=0.2)
    async with asyncio.timeout(5):
        await servicer.was_cancelled.wait()


async def test_caller_and_request_id_travel(channel: grpc.aio.Channel) -> None:
    who = caller.current_caller.set(caller.Caller(user="ann", project="p"))
    request_id = caller.current_request_id.set("r-1")
    try:
        job = (await get(channel, "")).job
    finally:
        caller.current_caller.reset(who)
        caller.current_request_id.reset(request_id)
    assert (job.owner, job.project, job.id) == ("ann", "p", "r-1")


async def test_failure_in_the_middle_of_a_stream_arrives(channel: grpc.aio.Channel) -> None:
    stub = job_service_pb2_grpc.JobServiceStub(channel)
    received = []

    async def read() -> None:
        with rpc_errors_translated():
            async for response in stub.WatchEvents(pb.WatchEventsRequest()):
                received.append(response)

    with pytest.raises(errors.JobNotFound):
        await read()
    assert len(received) == 1


async def test_what_is_not_there_says_so(channel: grpc.aio.Channel) -> None:
    stub = job_service_pb2_grpc.JobServiceStub(channel)
    with pytest.raises(errors.Unimplemented):
        await stub.PauseJob(pb.PauseJobRequest())


async def test_message_over_the_limit_is_refused(channel: grpc.aio.Channel) -> None:
    with pytest.raises(errors.RateLimited, match="larger than max"):
        await get(channel, "x" * (17 * 1024 * 1024))


async def test_only_health_needs_no_token(servicer: OddServicer) -> None:
    async with (
        server_running(servicer) as server,
        open_channel(f"127.0.0.1:{server.port}", "wrong") as channel,
    ):
        health = health_pb2_grpc.HealthStub(channel)
        answer = await health.Check(health_pb2.HealthCheckRequest())
        assert answer.status == health_pb2.HealthCheckResponse.SERVING
        await server.set_health("mongodb", False)
        answer = await health.Check(health_pb2.HealthCheckRequest(service="mongodb"))
        assert answer.status == health_pb2.HealthCheckResponse.NOT_SERVING
        with pytest.raises(errors.Unauthenticated):
            await get(channel, "")


async def test_reflection_lists_the_services(channel: grpc.aio.Channel) -> None:
    stub = reflection_pb2_grpc.ServerReflectionStub(channel)
    request = reflection_pb2.ServerReflectionRequest(list_services="")
    async with asyncio.timeout(5):
        async for answer in stub.ServerReflectionInfo(iter([request])):
            names = {service.name for service in answer.list_services_response.service}
            break
    assert {SERVICE, "grpc.health.v1.Health"} <= names


async def test_port_that_is_taken_says_so(servicer: OddServicer) -> None:
    async with server_running(servicer) as server:
        with pytest.raises(errors.InvalidInput, match="is the port taken"):
            async with grpc_server_started(
                listen=f"127.0.0.1:{server.port}",
                service_token=TOKEN,
                add_servicers=[],
                service_names=[],
                metrics=RpcMetrics(CollectorRegistry(), "other"),
                grace_seconds=0,
            ):
                pass
