"""What becomes of requests that are under way when a gateway stops."""

import asyncio
import ssl

import httpx
from litestar.types import Receive, Scope, Send
from prometheus_client import CollectorRegistry

from tensorfleet.gateway.http_metrics import HttpMetrics
from tensorfleet.gateway.http_server import http_server_started
from tensorfleet.gateway.request_context import RequestContext
from tensorfleet.gateway.stopped_requests import StoppedRequests

NO_CERTIFICATES = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


async def test_request_that_outlasts_the_grace_is_told_to_come_again() -> None:
    is_under_way = asyncio.Event()

    async def never_answers(_scope: Scope, _receive: Receive, _send: Send) -> None:
        is_under_way.set()
        await asyncio.Event().wait()

    app = RequestContext(StoppedRequests(never_answers), HttpMetrics(CollectorRegistry()))
    async with httpx.AsyncClient(trust_env=False, verify=NO_CERTIFICATES) as client:
        async with http_server_started(app, "127.0.0.1:0", grace_seconds=1) as port:
            asking = asyncio.create_task(client.get(f"http://127.0.0.1:{port}/api/v1/jobs"))
            await is_under_way.wait()
        answer = await asking
    assert (answer.status_code, answer.json()["code"]) == (503, "UNAVAILABLE")
    assert answer.headers["Retry-After"] == "1"
    assert answer.headers["X-Request-Id"] == answer.json()["request_id"]
