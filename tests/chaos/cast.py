"""A whole fleet of real processes and stores that a test may break: two of what may be two."""

import asyncio
import time
from collections.abc import AsyncIterator, Collection, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil
from redis.asyncio import Redis

from tensorfleet.local.child_process import ChildProcess
from tensorfleet.local.free_ports import free_ports
from tensorfleet.local.mongodb import start_mongodb
from tensorfleet.local.seaweedfs import start_seaweedfs
from tensorfleet.local.service_process import start_service
from tensorfleet.local.valkey import start_valkey
from tests.chaos.member import Member
from tests.chaos.proxy import HOST, Proxy, proxy_to
from tests.chaos.surroundings import (
    Surroundings,
    gateway_variables,
    orchestrator_variables,
    storage_variables,
    worker_variables,
)

ORCHESTRATORS = ("orchestrator-1", "orchestrator-2")
GATEWAYS = ("gateway-1", "gateway-2")
WORKERS = ("worker-1", "worker-2", "worker-3")
STORES = ("mongodb", "valkey", "seaweedfs")
SERVICES = ("storage", *ORCHESTRATORS, *GATEWAYS)
BUCKET = "tensorfleet"


@dataclass(kw_only=True)
class Cast:
    """Everybody, by name, and the network between them."""

    folder: Path
    members: dict[str, Member] = field(default_factory=dict)
    ports: dict[str, int] = field(default_factory=dict)
    links: dict[tuple[str, str], Proxy] = field(default_factory=dict)
    """Proxies by who connects and to whom; none in a cast that is not proxied."""
    surroundings: Surroundings = field(default_factory=Surroundings)
    story: list[str] = field(default_factory=list)
    """What was done to whom, and when."""
    started: float = field(default_factory=time.monotonic)

    def __getitem__(self, name: str) -> Member:
        return self.members[name]

    @property
    def gateway_urls(self) -> list[str]:
        """Of all gateways."""
        return [f"http://{HOST}:{self.ports[name]}" for name in GATEWAYS]

    @property
    def orchestrator_address(self) -> str:
        """Of all orchestrators, without proxies, as gRPC reads it."""
        return target(self.ports[name] for name in ORCHESTRATORS)

    def links_from(self, name: str) -> list[Proxy]:
        """The ways from a member to all others."""
        return [proxy for (origin, _), proxy in self.links.items() if origin == name]

    def begin_story(self) -> None:
        """Forgets what was told before."""
        self.story.clear()
        self.started = time.monotonic()

    def tell(self, words: str) -> None:
        """Adds to the story."""
        self.story.append(f"{time.monotonic() - self.started:7.2f} s  {words}")

    @asynccontextmanager
    async def redis(self) -> AsyncIterator[Redis]:
        """A client that looks into Redis from outside."""
        async with Redis.from_url(self.surroundings.redis_url, decode_responses=True) as client:
            yield client

    async def heal(self) -> None:
        """Everybody runs and answers, and every way is open."""
        for proxy in self.links.values():
            await proxy.heal()
        for names in (STORES, SERVICES, WORKERS):
            await asyncio.gather(*(self[name].heal() for name in names))

    def attempt_processes(self) -> list[psutil.Process]:
        """Every process that runs in an attempt's folder or carries its environment."""
        own = {member.pid for member in self.members.values()}
        return [p for p in psutil.process_iter() if p.pid not in own and self._is_of_attempt(p)]

    def _is_of_attempt(self, process: psutil.Process) -> bool:
        try:
            if process.status() == psutil.STATUS_ZOMBIE:
                return False
            said = (process.cwd(), *process.environ().values())
        except (psutil.Error, OSError):
            return False
        return any(str(self.folder) in text and "/attempts/" in text for text in said)

    def report(self) -> str:
        """For a person, when a test has failed: the story, and what the logs complain of."""
        parts = ["what was done:", *self.story]
        for member in self.members.values():
            if troubles := member.troubles():
                parts += [f"--- {member.name}", *troubles]
        return "\n".join(parts)


def target(ports: Iterable[int]) -> str:
    """A gRPC address of several servers, the first that answers taken first."""
    return "ipv4:" + ",".join(f"{HOST}:{port}" for port in ports)


@asynccontextmanager
async def cast_on_stage(folder: Path, *, is_proxied: bool = False) -> AsyncIterator[Cast]:
    """Two orchestrators, two gateways, three workers, storage and the stores, all answering.

    Args:
        folder: Of this cast alone.
        is_proxied: Whether workers reach orchestrators, and orchestrators their stores, through
            proxies that can be broken.
    """
    cast = Cast(folder=folder)
    async with AsyncExitStack() as stack:
        names = (*STORES, *SERVICES, *WORKERS)
        cast.ports.update(zip(names, free_ports(len(names)), strict=True))
        if is_proxied:
            await _lay_links(cast, stack)
        stack.push_async_callback(_end_all, cast)
        for group, build in ((STORES, _store), (SERVICES, _service), (WORKERS, _worker)):
            for name in group:
                cast.members[name] = build(cast, name)
            await asyncio.gather(*(cast[name].start() for name in group))
        yield cast


async def _end_all(cast: Cast) -> None:
    await asyncio.gather(*(member.end() for member in cast.members.values()))


async def _lay_links(cast: Cast, stack: AsyncExitStack) -> None:
    async def lay(origins: Collection[str], servers: Collection[str]) -> None:
        for origin in origins:
            for server in servers:
                proxy = await stack.enter_async_context(proxy_to(cast.ports[server]))
                cast.links[origin, server] = proxy

    await lay(WORKERS, ORCHESTRATORS)
    await lay(ORCHESTRATORS, ("mongodb", "valkey"))


def _port(cast: Cast, origin: str, server: str) -> int:
    """Where one member finds another."""
    link = cast.links.get((origin, server))
    return link.port if link else cast.ports[server]


def _store(cast: Cast, name: str) -> Member:
    data_dir, log_path = cast.folder / name, cast.folder / "logs" / f"{name}.log"
    port, surroundings = cast.ports[name], cast.surroundings

    async def mongodb() -> ChildProcess:
        server = await start_mongodb(
            data_dir=data_dir, log_path=log_path, port=port, database=surroundings.database
        )
        surroundings.mongo_url = server.url
        return server.process

    async def valkey() -> ChildProcess:
        server = await start_valkey(data_dir=data_dir, log_path=log_path, port=port)
        surroundings.redis_url = server.url
        return server.process

    async def seaweedfs() -> ChildProcess:
        server = await start_seaweedfs(
            data_dir=data_dir, log_path=log_path, port=port, bucket=BUCKET
        )
        surroundings.s3 = server
        return server.process

    starts = {"mongodb": mongodb, "valkey": valkey, "seaweedfs": seaweedfs}
    return Member(name, starts[name], cast.tell)


def _service(cast: Cast, name: str) -> Member:
    module = name.partition("-")[0]
    listen, storage_port = f"{HOST}:{cast.ports[name]}", cast.ports["storage"]
    surroundings = cast.surroundings
    match module:
        case "storage":
            variables = storage_variables(surroundings, listen)
        case "gateway":
            variables = gateway_variables(
                surroundings, listen, _orchestrators(cast, name), storage_port
            )
        case _:
            variables = orchestrator_variables(
                surroundings,
                listen,
                {server: _port(cast, name, server) for server in ("mongodb", "valkey")},
                is_proxied=bool(cast.links_from(name)),
            )
    return _process(cast, name, module, variables)


def _worker(cast: Cast, name: str) -> Member:
    variables = worker_variables(
        name=name,
        folder=cast.folder / name,
        metrics_port=cast.ports[name],
        orchestrators=_orchestrators(cast, name),
        storage_port=cast.ports["storage"],
    )
    return _process(cast, name, "worker", variables)


def _orchestrators(cast: Cast, origin: str) -> str:
    """All of them, in turn another one first, so that they share the connections."""
    first = int(origin.rpartition("-")[2]) % len(ORCHESTRATORS)
    order = (*ORCHESTRATORS[first:], *ORCHESTRATORS[:first])
    return target(_port(cast, origin, server) for server in order)


def _process(cast: Cast, name: str, module: str, variables: Mapping[str, str]) -> Member:
    async def start() -> ChildProcess:
        part = await start_service(
            name=name,
            module=module,
            environment=variables,
            working_dir=cast.folder / name,
            log_path=cast.folder / "logs" / f"{name}.log",
            port=cast.ports[name],
            stop_grace_seconds=0,
            is_worker=module == "worker",
        )
        return part.process

    return Member(name, start, cast.tell)
