"""Monitoring on real sockets, before a gateway and services that are fakes."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import grpc
import httpx
import pytest

from tensorfleet.monitoring.app import monitoring_started
from tensorfleet.monitoring.settings import MonitoringSettings
from tensorfleet.monitoring.v1 import monitoring_service_pb2, monitoring_service_pb2_grpc
from tensorfleet.orchestrator.v1 import resources_pb2, worker_pb2
from tensorfleet.shared.errors import InvalidInput, Unauthenticated, Unimplemented
from tensorfleet.shared.grpc_client import open_channel
from tests.deadlines import eventually
from tests.wire.gateway.fake_orchestrator import now
from tests.wire.gateway.running_gateway import SERVICE_TOKEN, RunningGateway, gateway_running


@dataclass(frozen=True, kw_only=True)
class Monitored:
    """Monitoring, what it watches, and two ways to ask it."""

    gateway: RunningGateway
    channel: grpc.aio.Channel
    http: httpx.AsyncClient
    port: int

    async def statuses(self) -> dict[str, str]:
        """Every part and the whole, as the JSON has them."""
        health = (await self.http.get("/health")).json()
        parts = {part["name"]: part["status"] for part in health["components"]}
        return {"whole": health["status"], **parts}

    async def shows(self, **expected: str) -> None:
        """Waits until these parts have these statuses."""

        async def is_shown() -> bool:
            return expected.items() <= (await self.statuses()).items()

        await eventually(is_shown)


def settings_for(gateway: RunningGateway, **changes: str) -> MonitoringSettings:
    given: dict[str, str] = {
        "monitoring_listen": "127.0.0.1:0",
        "monitoring_http_listen": "127.0.0.1:0",
        "monitoring_metrics_listen": "",
        "orchestrator_address": gateway.settings.orchestrator_address,
        "storage_address": gateway.settings.storage_address,
        "inference_address": gateway.settings.inference_address,
        "gateway_url": gateway.url,
        **changes,
    }
    return MonitoringSettings(
        service_token=SERVICE_TOKEN,
        shutdown_grace_seconds=0.1,
        monitoring_interval_seconds=0.05,
        **given,
    )


@pytest.fixture
async def monitored() -> AsyncIterator[Monitored]:
    async with gateway_running() as gateway:
        for service, name in (
            ("orchestrator", "mongodb"),
            ("storage", "mongodb"),
            ("inference", "storage"),
        ):
            await gateway.services[service].set_health(name, True)
        gateway.orchestrator.workers["w-1"] = worker_pb2.Worker(
            id="w-1",
            state=worker_pb2.WORKER_STATE_ONLINE,
            hostname="host-a",
            slots=2,
            capacity=resources_pb2.Resources(cpus=4, memory_bytes=1 << 30),
            running_task_ids=["t"],
            last_seen_time=now(),
        )
        async with (
            monitoring_started(settings_for(gateway)) as ports,
            open_channel(f"127.0.0.1:{ports.grpc}", SERVICE_TOKEN) as channel,
            httpx.AsyncClient(base_url=f"http://127.0.0.1:{ports.http}", trust_env=False) as http,
        ):
            yield Monitored(gateway=gateway, channel=channel, http=http, port=ports.grpc)


async def test_healthy_fleet_over_grpc_json_and_page(monitored: Monitored) -> None:
    await monitored.shows(whole="healthy")
    stub = monitoring_service_pb2_grpc.MonitoringServiceStub(monitored.channel)
    answer = await stub.GetHealth(monitoring_service_pb2.GetHealthRequest())
    assert answer.status == monitoring_service_pb2.HEALTH_STATUS_HEALTHY
    assert [part.component for part in answer.components] == sorted(
        ["gateway", "inference", "mongodb", "orchestrator", "redis", "s3", "storage", "workers"]
    )
    for part in answer.components:
        assert part.status == monitoring_service_pb2.HEALTH_STATUS_HEALTHY
        assert part.latency.ToMicroseconds() > 0
        assert part.check_time.seconds > 0
    page = (await monitored.http.get("/")).text
    assert "host-a" in page
    assert "1 of 2" in page


async def test_what_this_version_does_not_have_is_unimplemented(monitored: Monitored) -> None:
    stub = monitoring_service_pb2_grpc.MonitoringServiceStub(monitored.channel)
    with pytest.raises(Unimplemented):
        await stub.QueryHistory(monitoring_service_pb2.QueryHistoryRequest())
    with pytest.raises(Unimplemented):
        await stub.ListAlerts(monitoring_service_pb2.ListAlertsRequest())
    with pytest.raises(Unimplemented):
        await stub.GetScalingDecision(monitoring_service_pb2.GetScalingDecisionRequest())


async def test_nobody_without_the_service_token_is_told(monitored: Monitored) -> None:
    async with open_channel(f"127.0.0.1:{monitored.port}", "x" * 40) as channel:
        stub = monitoring_service_pb2_grpc.MonitoringServiceStub(channel)
        with pytest.raises(Unauthenticated):
            await stub.GetHealth(monitoring_service_pb2.GetHealthRequest())


async def test_part_that_breaks_and_comes_back(monitored: Monitored) -> None:
    await monitored.shows(whole="healthy")
    storage = monitored.gateway.services["storage"]
    await storage.set_health("s3", False)
    await storage.set_health("", False)
    await monitored.shows(whole="down", s3="down", storage="degraded", mongodb="healthy")
    assert (await monitored.http.get("/health")).status_code == 503
    await storage.set_health("s3", True)
    await storage.set_health("", True)
    await monitored.shows(whole="healthy", s3="healthy", storage="healthy")
    assert (await monitored.http.get("/health")).status_code == 200


async def test_service_that_is_gone(monitored: Monitored) -> None:
    await monitored.shows(whole="healthy")
    await monitored.gateway.services["orchestrator"].stop(0)
    await monitored.shows(
        whole="down",
        orchestrator="down",
        redis="degraded",
        mongodb="healthy",
        workers="degraded",
        gateway="healthy",
    )
    page = (await monitored.http.get("/")).text
    assert "host-a" in page, "the workers of the last good look stay visible"


async def test_workers_that_are_away_do_not_take_the_fleet_down(monitored: Monitored) -> None:
    await monitored.shows(whole="healthy")
    monitored.gateway.orchestrator.workers["w-1"].state = worker_pb2.WORKER_STATE_OFFLINE
    await monitored.shows(whole="degraded", workers="degraded", orchestrator="healthy")
    monitored.gateway.orchestrator.workers.clear()
    await monitored.shows(workers="degraded")

    async def says_none() -> bool:
        return "No worker is attached" in (await monitored.http.get("/")).text

    await eventually(says_none)


async def test_gateway_and_monitoring_do_not_ask_each_other_in_circles(
    monitored: Monitored,
) -> None:
    await monitored.shows(whole="healthy")
    metrics = (await monitored.gateway.http.get("/metrics")).text
    assert 'route="/health/live",status="200"' in metrics
    assert 'route="/health",' not in metrics


async def test_metrics_stand_on_the_web_port(monitored: Monitored) -> None:
    await monitored.shows(whole="healthy")
    text = (await monitored.http.get("/metrics")).text
    assert 'tensorfleet_monitoring_component_healthy{component="gateway"} 1.0' in text


async def test_wrong_addresses_are_told() -> None:
    async with gateway_running() as gateway:
        for changes in (
            {"monitoring_http_listen": gateway.url.removeprefix("http://")},
            {"monitoring_listen": gateway.settings.storage_address},
            {"gateway_url": "gateway:7100"},
        ):
            with pytest.raises(InvalidInput):
                async with monitoring_started(settings_for(gateway, **changes)):
                    raise AssertionError("it started")
