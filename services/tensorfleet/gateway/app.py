"""Builds the gateway and runs it until it is told to stop."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta

import structlog

from tensorfleet.gateway.health_checks import HealthChecks, fleet_checks
from tensorfleet.gateway.http_metrics import HttpMetrics
from tensorfleet.gateway.http_server import http_server_started
from tensorfleet.gateway.login import Logins, ensure_admin
from tensorfleet.gateway.passwords import Passwords
from tensorfleet.gateway.results.analyst import Analyst
from tensorfleet.gateway.results.answer_cache import AnswerCache
from tensorfleet.gateway.results.job_answers import JobAnswers
from tensorfleet.gateway.routes.events import EventStreaming
from tensorfleet.gateway.settings import GatewaySettings
from tensorfleet.gateway.store import MongoUserStore
from tensorfleet.gateway.tokens import Tokens
from tensorfleet.gateway.upstreams import upstreams_opened
from tensorfleet.gateway.users import ADMIN_NAME
from tensorfleet.gateway.web import build_web
from tensorfleet.shared.metrics import new_registry
from tensorfleet.shared.mongo import mongo_connected

log = structlog.get_logger(__name__)


async def serve_gateway(settings: GatewaySettings, stop: asyncio.Event) -> None:
    """Runs the gateway until `stop` is set."""
    async with gateway_started(settings, stop) as port:
        log.info("gateway started", port=port)
        await stop.wait()
    log.info("gateway stopped")


@asynccontextmanager
async def gateway_started(settings: GatewaySettings, stop: asyncio.Event) -> AsyncIterator[int]:
    """A running gateway; yields its port. Set `stop` before the end: event streams end by it.

    Raises:
        Unavailable: MongoDB does not answer.
        InvalidInput: The address cannot be listened on.
    """
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(mongo_connected(settings))
        upstreams = await stack.enter_async_context(upstreams_opened(settings))
        passwords = Passwords()
        stack.callback(passwords.close)
        users = MongoUserStore(database)
        _show_once(await ensure_admin(users, passwords, settings.admin_password))
        analyst = Analyst(
            idle_seconds=settings.results_process_idle_seconds,
            limit_seconds=settings.results_limit_seconds,
            memory_bytes=settings.results_process_memory_bytes,
            environment=os.environ,
        )
        stack.push_async_callback(analyst.close)
        registry = new_registry()
        metrics = HttpMetrics(registry)
        ttl = timedelta(seconds=settings.access_token_ttl_seconds)
        web = build_web(
            upstreams=upstreams,
            logins=Logins(users, passwords, Tokens(settings.jwt_secret, ttl)),
            checks=HealthChecks(fleet_checks(database, upstreams)),
            streaming=EventStreaming(settings.event_keep_alive_seconds, stop, metrics),
            answers=JobAnswers(upstreams, analyst, AnswerCache(), settings.results_max_bytes),
            metrics=metrics,
            registry=registry,
            max_body_bytes=settings.max_body_bytes,
            allowed_origins=settings.allowed_origins,
        )
        yield await stack.enter_async_context(
            http_server_started(
                web,
                settings.gateway_listen,
                settings.shutdown_grace_seconds,
                reader_patience_seconds=settings.event_reader_patience_seconds,
            )
        )


def _show_once(password: str | None) -> None:
    """Tells a person the generated password. Not through the log, which is kept."""
    if password is not None:
        sys.stderr.write(
            f"\n  The user {ADMIN_NAME!r} was created with the password  {password}\n"
            "  It is shown only this once; keep it.\n\n"
        )
        sys.stderr.flush()
