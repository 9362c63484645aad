"""A gateway on a real socket, before services that are fakes behind their real contracts."""

import asyncio
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta

import httpx
from prometheus_client import CollectorRegistry

from tensorfleet.gateway.health_checks import Check, HealthChecks, fleet_checks
from tensorfleet.gateway.http_metrics import HttpMetrics
from tensorfleet.gateway.http_server import http_server_started
from tensorfleet.gateway.login import Logins, ensure_admin
from tensorfleet.gateway.passwords import Passwords
from tensorfleet.gateway.results.analyst import Analyst
from tensorfleet.gateway.results.answer_cache import AnswerCache
from tensorfleet.gateway.results.job_answers import JobAnswers
from tensorfleet.gateway.routes.events import EventStreaming
from tensorfleet.gateway.settings import GatewaySettings
from tensorfleet.gateway.tokens import Tokens
from tensorfleet.gateway.upstreams import Upstreams, upstreams_opened
from tensorfleet.gateway.users import ADMIN_NAME, User
from tensorfleet.gateway.web import build_web
from tensorfleet.inference.v1.prediction_service_pb2_grpc import (
    add_PredictionServiceServicer_to_server,
)
from tensorfleet.orchestrator.definition_servicer import DefinitionServicer
from tensorfleet.orchestrator.v1.definition_service_pb2_grpc import (
    add_DefinitionServiceServicer_to_server,
)
from tensorfleet.orchestrator.v1.job_service_pb2_grpc import add_JobServiceServicer_to_server
from tensorfleet.orchestrator.v1.worker_service_pb2_grpc import (
    add_WorkerServiceServicer_to_server,
)
from tensorfleet.shared.clock import utc_now
from tensorfleet.shared.grpc_server import AddServicer, GrpcServer, grpc_server_started
from tensorfleet.shared.metrics import RpcMetrics
from tensorfleet.storage.v1.artifact_service_pb2_grpc import (
    add_ArtifactServiceServicer_to_server,
)
from tensorfleet.storage.v1.checkpoint_service_pb2_grpc import (
    add_CheckpointServiceServicer_to_server,
)
from tensorfleet.storage.v1.dataset_service_pb2_grpc import add_DatasetServiceServicer_to_server
from tensorfleet.storage.v1.model_registry_service_pb2_grpc import (
    add_ModelRegistryServiceServicer_to_server,
)
from tests.fakes.definition_store import FakeDefinitionStore
from tests.wire.gateway.blob_server import BlobServer, blob_server
from tests.wire.gateway.fake_inference import FakeInference
from tests.wire.gateway.fake_orchestrator import FakeOrchestrator
from tests.wire.gateway.fake_storage import FakeStorage

SERVICE_TOKEN = "service-token-of-the-tests-0123456789"
JWT_SECRET = "jwt-secret-of-the-tests-0123456789-0123456789"
PASSWORD = "admin-password-of-the-tests"


class MemoryUserStore:
    """Users in a dict."""

    def __init__(self) -> None:
        self._users: dict[str, User] = {}

    async def find(self, name: str) -> User | None:
        return self._users.get(name)

    async def add(self, user: User) -> bool:
        return self._users.setdefault(user.name, user) is user


@dataclass(kw_only=True)
class RunningGateway:
    """The gateway and everything around it."""

    url: str
    http: httpx.AsyncClient
    """Logged in as admin."""
    settings: GatewaySettings
    stop: asyncio.Event
    tokens: Tokens
    users: MemoryUserStore
    upstreams: Upstreams
    orchestrator: FakeOrchestrator
    definitions: FakeDefinitionStore
    storage: FakeStorage
    blobs: BlobServer
    analyst: Analyst
    services: dict[str, GrpcServer]
    mongodb_problem: list[Exception]
    """Put an error in, and the gateway's own database is down."""


@dataclass(frozen=True, kw_only=True)
class ResultsSetup:
    """How the gateway works out results."""

    environment: Mapping[str, str] = field(default_factory=lambda: os.environ)
    limit_seconds: float = 60.0
    idle_seconds: float = 300.0
    memory_bytes: int = 4 * 1024**3
    max_waiting: int = 16
    max_wait_seconds: float = 30.0
    max_result_bytes: int = 64 * 1024 * 1024


@asynccontextmanager
async def fake_service(
    name: str, *add: AddServicer, listen: str = "127.0.0.1:0"
) -> AsyncIterator[GrpcServer]:
    """A real gRPC server around servicers, with the fleet's own interceptors."""
    async with grpc_server_started(
        listen=listen,
        service_token=SERVICE_TOKEN,
        add_servicers=add,
        service_names=(),
        metrics=RpcMetrics(CollectorRegistry(), name),
        grace_seconds=0.1,
    ) as server:
        yield server


@asynccontextmanager
async def gateway_running(
    *,
    max_body_bytes: int = 1024 * 1024,
    event_keep_alive_seconds: float = 15.0,
    cors_allowed_origins: str = "",
    access_token_ttl_seconds: int = 3600,
    first_answer_seconds: float = 5.0,
    reader_patience_seconds: float = 30.0,
    results: ResultsSetup | None = None,
) -> AsyncIterator[RunningGateway]:
    """Everything, for as long as the block runs."""
    async with AsyncExitStack() as stack:
        blobs = stack.enter_context(blob_server())
        orchestrator, storage, inference = FakeOrchestrator(), FakeStorage(blobs), FakeInference()
        definitions = FakeDefinitionStore()
        definition_servicer = DefinitionServicer(definitions, utc_now)
        services = {
            "orchestrator": await stack.enter_async_context(
                fake_service(
                    "orchestrator",
                    lambda server: add_JobServiceServicer_to_server(orchestrator, server),
                    lambda server: add_WorkerServiceServicer_to_server(orchestrator, server),
                    lambda server: add_DefinitionServiceServicer_to_server(
                        definition_servicer, server
                    ),
                )
            ),
            "storage": await stack.enter_async_context(
                fake_service(
                    "storage",
                    lambda server: add_ArtifactServiceServicer_to_server(storage, server),
                    lambda server: add_DatasetServiceServicer_to_server(storage, server),
                    lambda server: add_CheckpointServiceServicer_to_server(storage, server),
                    lambda server: add_ModelRegistryServiceServicer_to_server(storage, server),
                )
            ),
            "inference": await stack.enter_async_context(
                fake_service(
                    "inference",
                    lambda server: add_PredictionServiceServicer_to_server(inference, server),
                )
            ),
            "monitoring": await stack.enter_async_context(fake_service("monitoring")),
        }
        await services["orchestrator"].set_health("redis", True)
        await services["orchestrator"].set_health("mongodb", True)
        await services["storage"].set_health("s3", True)
        settings = GatewaySettings(
            mongo_url="mongodb://not-used/",
            service_token=SERVICE_TOKEN,
            jwt_secret=JWT_SECRET,
            admin_password=PASSWORD,
            orchestrator_address=f"127.0.0.1:{services['orchestrator'].port}",
            storage_address=f"127.0.0.1:{services['storage'].port}",
            inference_address=f"127.0.0.1:{services['inference'].port}",
            monitoring_address=f"127.0.0.1:{services['monitoring'].port}",
            max_body_bytes=max_body_bytes,
            event_keep_alive_seconds=event_keep_alive_seconds,
            cors_allowed_origins=cors_allowed_origins,
            access_token_ttl_seconds=access_token_ttl_seconds,
        )
        upstreams = await stack.enter_async_context(upstreams_opened(settings))
        passwords = Passwords()
        stack.callback(passwords.close)
        users = MemoryUserStore()
        await ensure_admin(users, passwords, settings.admin_password)
        tokens = Tokens(JWT_SECRET, timedelta(seconds=settings.access_token_ttl_seconds))
        stop = asyncio.Event()
        results = results or ResultsSetup()
        analyst = Analyst(
            idle_seconds=results.idle_seconds,
            limit_seconds=results.limit_seconds,
            memory_bytes=results.memory_bytes,
            environment=results.environment,
            max_waiting=results.max_waiting,
            max_wait_seconds=results.max_wait_seconds,
        )
        stack.push_async_callback(analyst.close)
        registry = CollectorRegistry()
        metrics = HttpMetrics(registry)
        mongodb_problem: list[Exception] = []
        web = build_web(
            upstreams=upstreams,
            logins=Logins(users, passwords, tokens),
            checks=HealthChecks(_checks(upstreams, mongodb_problem)),
            streaming=EventStreaming(
                settings.event_keep_alive_seconds, stop, metrics, first_answer_seconds
            ),
            answers=JobAnswers(upstreams, analyst, AnswerCache(), results.max_result_bytes),
            metrics=metrics,
            registry=registry,
            max_body_bytes=settings.max_body_bytes,
            allowed_origins=settings.allowed_origins,
        )
        port = await stack.enter_async_context(
            http_server_started(
                web, "127.0.0.1:0", 2.0, reader_patience_seconds=reader_patience_seconds
            )
        )
        stack.callback(stop.set)
        url = f"http://127.0.0.1:{port}"
        admin = await users.find(ADMIN_NAME)
        assert admin is not None
        http = await stack.enter_async_context(
            httpx.AsyncClient(
                base_url=url,
                headers={"Authorization": f"Bearer {tokens.issue(admin)}"},
                timeout=10,
                trust_env=False,
            )
        )
        yield RunningGateway(
            url=url,
            http=http,
            settings=settings,
            stop=stop,
            tokens=tokens,
            users=users,
            upstreams=upstreams,
            orchestrator=orchestrator,
            definitions=definitions,
            storage=storage,
            blobs=blobs,
            analyst=analyst,
            services=services,
            mongodb_problem=mongodb_problem,
        )


def _checks(upstreams: Upstreams, mongodb_problem: list[Exception]) -> dict[str, Check]:
    """The real checks, but for the database, which this gateway does not have."""

    async def mongodb() -> bool:
        if mongodb_problem:
            raise mongodb_problem[0]
        return True

    checks = fleet_checks(None, upstreams)  # type: ignore[arg-type]
    return {**checks, "mongodb": mongodb}
