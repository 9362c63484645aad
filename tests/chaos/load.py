"""Load on a fleet: keeps handing in small jobs, as clients do who lose no job to a broken fleet."""

import asyncio
import random
import ssl
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from uuid import uuid4

import httpx

from tests.chaos.surroundings import ADMIN_PASSWORD

# A client waits this long for an answer before it asks again, another gateway if there is one.
ANSWER_SECONDS = 5.0
PAUSE_SECONDS = (0.1, 0.5)
GIVE_UP_SECONDS = 60.0
# Statuses that ask to come again; whatever else is not 201 is wrong.
TRY_AGAIN = {httpx.codes.SERVICE_UNAVAILABLE, httpx.codes.GATEWAY_TIMEOUT}
# Some jobs end while others are handed in, some last through what breaks.
RUN_SECONDS = (0, 0, 0.2, 0.5, 1.0, 2.0)
PRIORITIES = ("high", "normal", "normal", "low")
REPEATED_PART = 0.2
# Handed in at once, so that every worker is busy from the beginning.
BURST = 12
# Tests speak plain HTTP, and reading certificates takes longer than a test.
NO_CERTIFICATES = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


@dataclass(frozen=True, kw_only=True)
class Order:
    """One job to hand in."""

    request_id: str
    """Also the job's name, so that a second job for the same request can be seen."""
    priority: str
    command: str = "true"
    """A shell line that the task runs first."""
    run_seconds: float
    is_repeated: bool
    """Whether it is handed in once more after it was accepted."""


@dataclass(kw_only=True)
class Load:
    """What is handed in, and what was answered."""

    clients: Sequence[httpx.AsyncClient]
    """Of each gateway."""
    seed: int
    traces: Path
    """A file to which every run of a task adds a line when it begins and when it ends."""
    prefix: str = field(default_factory=lambda: f"load-{uuid4().hex[:8]}")
    accepted: dict[str, str] = field(default_factory=dict)
    """Job ids by request id."""
    problems: list[str] = field(default_factory=list)
    """Answers that no client should ever get."""
    retries: int = 0

    def orders(self) -> Iterator[Order]:
        """Endless; the same for the same seed, but for the prefix."""
        dice = random.Random(self.seed)  # noqa: S311  the same load for a seed
        for number in count(1):
            yield Order(
                request_id=f"{self.prefix}-{number}",
                priority=dice.choice(PRIORITIES),
                run_seconds=dice.choice(RUN_SECONDS),
                is_repeated=dice.random() < REPEATED_PART,
            )

    async def run(self, jobs_per_second: float, stop: asyncio.Event) -> None:
        """Hands in a burst, then at this rate until `stop`; returns once all is accepted."""
        async with asyncio.TaskGroup() as group:
            for number, order in enumerate(self.orders(), 1):
                group.create_task(self.hand_in(order))
                if number < BURST:
                    continue
                try:
                    async with asyncio.timeout(1 / jobs_per_second):
                        await stop.wait()
                except TimeoutError:
                    continue
                return

    async def hand_in_one(self, *, run_seconds: float = 0, command: str = "true") -> str:
        """Hands in one more job, which does this and then runs this long; its id."""
        request_id = f"{self.prefix}-extra-{uuid4().hex[:8]}"
        return await self.hand_in(
            Order(
                request_id=request_id,
                priority="high",
                command=command,
                run_seconds=run_seconds,
                is_repeated=False,
            )
        )

    async def hand_in(self, order: Order) -> str:
        """Hands a job in until it is accepted; the job's id."""
        job_id = await self._accepted(order)
        if not job_id:
            return ""
        self.accepted[order.request_id] = job_id
        if order.is_repeated and (again := await self._accepted(order)) != job_id:
            self.problems.append(f"{order.request_id} gave two jobs, {job_id} and {again}")
        return job_id

    async def _accepted(self, order: Order) -> str:
        """The job's id once a gateway has accepted it; empty, and a problem, if none ever does."""
        answers: list[str] = []
        try:
            async with asyncio.timeout(GIVE_UP_SECONDS):
                for turn in count(hash(order.request_id)):
                    sent = time.monotonic()
                    job_id, answer = await self._post(turn % len(self.clients), order)
                    if job_id:
                        return job_id
                    answers.append(f"{answer} after {time.monotonic() - sent:.1f} s")
                    self.retries += 1
                    await asyncio.sleep(random.uniform(*PAUSE_SECONDS))  # noqa: S311  no secret
        except TimeoutError:
            self.problems.append(f"{order.request_id} was never accepted: {answers}")
        return ""

    async def _post(self, gateway: int, order: Order) -> tuple[str, str]:
        """The job's id, or why there is none yet."""
        try:
            answer = await self.clients[gateway].post(
                "/api/v1/jobs",
                json=self._body(order),
                headers={"Idempotency-Key": order.request_id},
            )
        except httpx.TransportError as exc:
            return "", f"gateway {gateway + 1}: {type(exc).__name__}"
        if answer.status_code == httpx.codes.CREATED:
            return str(answer.json()["id"]), ""
        if answer.status_code not in TRY_AGAIN:
            self.problems.append(f"answer {answer.status_code}: {answer.text[:300]}")
        return "", f"gateway {gateway + 1}: {answer.text[:200]}"

    def _body(self, order: Order) -> dict[str, object]:
        # Its folders tell the task and the attempt.
        say = f'echo "%s $HOME" >> {self.traces}'
        line = "; ".join([say % "begin", order.command, f"sleep {order.run_seconds}", say % "end"])
        return {
            "kind": "command",
            "name": order.request_id,
            "priority": order.priority,
            "resources": {"cpus": 0.5, "memory": "16MiB"},
            "spec": {"command": line},
        }


@asynccontextmanager
async def logged_in(gateway_urls: Sequence[str]) -> AsyncIterator[list[httpx.AsyncClient]]:
    """A client of each gateway, with the admin's token."""
    clients = [
        httpx.AsyncClient(
            base_url=url, timeout=ANSWER_SECONDS, trust_env=False, verify=NO_CERTIFICATES
        )
        for url in gateway_urls
    ]
    try:
        body = {"username": "admin", "password": ADMIN_PASSWORD}
        answer = await clients[0].post("/api/v1/auth/login", json=body)
        token = answer.raise_for_status().json()["access_token"]
        for client in clients:
            client.headers["Authorization"] = f"Bearer {token}"
        yield clients
    finally:
        for client in clients:
            await client.aclose()
