"""The gateway as a process of its own."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx

from tests.integration.gateway.service_process import NOWHERE, ServiceProcess, service_process

SECRETS = {
    "TENSORFLEET_SERVICE_TOKEN": "service-token-of-the-tests-0123456789",
    "TENSORFLEET_JWT_SECRET": "jwt-secret-of-the-tests-0123456789-0123456789",
}
UPSTREAMS = ("ORCHESTRATOR", "STORAGE", "INFERENCE", "MONITORING")


@dataclass(frozen=True, kw_only=True)
class GatewayProcess:
    """A running gateway and a client of it, not logged in."""

    process: ServiceProcess
    port: int
    client: httpx.AsyncClient

    async def log_in(self, password: str) -> httpx.Response:
        """Logs the user admin in."""
        body = {"username": "admin", "password": password}
        return await self.client.post("/api/v1/auth/login", json=body)


@asynccontextmanager
async def gateway_process(
    mongo_url: str, mongo_database: str, **environment: str
) -> AsyncIterator[GatewayProcess]:
    """A gateway that has no services behind it, only its database."""
    settings = {
        **SECRETS,
        "TENSORFLEET_MONGO_URL": mongo_url,
        "TENSORFLEET_MONGO_DATABASE": mongo_database,
        "TENSORFLEET_GATEWAY_LISTEN": "127.0.0.1:0",
        **{f"TENSORFLEET_{name}_ADDRESS": NOWHERE for name in UPSTREAMS},
        **environment,
    }
    async with service_process("gateway", **settings) as process:
        port = process.started["port"]
        url = f"http://127.0.0.1:{port}"
        async with httpx.AsyncClient(base_url=url, trust_env=False) as client:
            yield GatewayProcess(process=process, port=port, client=client)
