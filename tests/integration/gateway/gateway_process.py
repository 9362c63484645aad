"""The gateway as a process of its own."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx

from tensorfleet.local.free_ports import free_ports
from tests.deadlines import eventually

SECRETS = {
    "TENSORFLEET_SERVICE_TOKEN": "service-token-of-the-tests-0123456789",
    "TENSORFLEET_JWT_SECRET": "jwt-secret-of-the-tests-0123456789-0123456789",
}
START_SECONDS = 20.0


@dataclass(kw_only=True)
class GatewayProcess:
    """A running `python -m tensorfleet.gateway`."""

    process: asyncio.subprocess.Process
    url: str
    client: httpx.AsyncClient

    async def stop(self, number: int = signal.SIGTERM) -> tuple[int, str]:
        """Exit status, and everything that it wrote to standard error."""
        self.process.send_signal(number)
        return await self.ended()

    async def ended(self) -> tuple[int, str]:
        """Waits for the end."""
        async with asyncio.timeout(START_SECONDS):
            _, stderr = await self.process.communicate()
        assert self.process.returncode is not None
        return self.process.returncode, stderr.decode()

    async def log_in(self, password: str) -> httpx.Response:
        """Logs the user admin in."""
        body = {"username": "admin", "password": password}
        return await self.client.post("/api/v1/auth/login", json=body)

    async def is_live(self) -> bool:
        """Whether it answers."""
        try:
            return (await self.client.get("/health/live")).status_code == 200
        except httpx.TransportError:
            assert self.process.returncode is None, "the gateway ended"
            return False


@asynccontextmanager
async def gateway_process(
    mongo_url: str, mongo_database: str, **environment: str
) -> AsyncIterator[GatewayProcess]:
    """A gateway that has no services behind it, only its database."""
    ports = free_ports(5)
    names = ("ORCHESTRATOR", "STORAGE", "INFERENCE", "MONITORING")
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tensorfleet.gateway",
        env={
            "PATH": os.environ["PATH"],
            **SECRETS,
            "TENSORFLEET_MONGO_URL": mongo_url,
            "TENSORFLEET_MONGO_DATABASE": mongo_database,
            "TENSORFLEET_GATEWAY_LISTEN": f"127.0.0.1:{ports[0]}",
            **{
                f"TENSORFLEET_{name}_ADDRESS": f"127.0.0.1:{port}"
                for name, port in zip(names, ports[1:], strict=True)
            },
            **environment,
        },
        stderr=asyncio.subprocess.PIPE,
    )
    url = f"http://127.0.0.1:{ports[0]}"
    try:
        async with httpx.AsyncClient(base_url=url, trust_env=False) as client:
            running = GatewayProcess(process=process, url=url, client=client)
            await eventually(running.is_live, timeout_seconds=START_SECONDS)
            yield running
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
