"""A whole fleet on one machine: brought up, kept running, stopped in the right order."""

import asyncio
import time
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from tensorfleet.local import fleet_event as events
from tensorfleet.local.errors import ServerStartFailed
from tensorfleet.local.fleet_health import logs_in, wait_until_healthy
from tensorfleet.local.fleet_home import FleetHome
from tensorfleet.local.fleet_parts import FleetLayout, build_parts, worker_names
from tensorfleet.local.fleet_ports import (
    GATEWAY_PORT,
    choose_ports,
    describe_taken,
    wanted_ports,
)
from tensorfleet.local.fleet_secrets import ADMIN_USER, FleetSecrets, read_or_make_secrets
from tensorfleet.local.free_ports import HOST
from tensorfleet.local.given_stores import STORES, given_stores
from tensorfleet.local.part import Stage
from tensorfleet.local.part_environment import address_variables
from tensorfleet.local.secret_file import write_secret
from tensorfleet.local.supervisor import Supervisor
from tensorfleet.shared.errors import TensorFleetError

START_TIMEOUT_SECONDS = 120.0
DEFAULT_WORKERS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetOptions:
    """What a user may choose about a fleet."""

    home: FleetHome
    workers: int = DEFAULT_WORKERS
    gateway_port: int = GATEWAY_PORT
    machine: Mapping[str, str]
    """The user's environment."""


class Credentials(msgspec.Struct, frozen=True, kw_only=True):
    """How programs on this machine log in; the SDK reads the file of this shape."""

    url: str
    username: str
    password: str


class Fleet:
    """One life of a fleet. The caller holds the folder's lock."""

    def __init__(self, options: FleetOptions, tell: events.Tell) -> None:
        self._options = options
        self._tell = tell
        self._supervisors: list[Supervisor] = []
        self._tasks: dict[Supervisor, asyncio.Task[None]] = {}
        self._base_variables: dict[str, str] = {}

    async def run(self, stop: asyncio.Event) -> None:
        """Brings the fleet up and keeps it running until `stop`; then nothing of it is left.

        Raises:
            TensorFleetError: It did not come up, or a part of it cannot run here; the message says
                why. Nothing is left running then either.
        """
        begun = time.monotonic()
        try:
            ports, secrets = self._prepare()
            await self._supervise(self._come_up(ports, secrets, begun), stop)
        except TensorFleetError as exc:
            self._tell(events.FleetFailed(message=str(exc)))
            raise
        except OSError as exc:
            self._tell(events.FleetFailed(message=str(exc)))
            raise ServerStartFailed(f"the machine refused: {exc}") from exc
        finally:
            await self._stop_all()

    def kill(self) -> None:
        """Ends every process at once, so that `run` returns soon."""
        for supervisor in self._supervisors:
            supervisor.kill()

    def _prepare(self) -> tuple[dict[str, int], FleetSecrets]:
        options = self._options
        given = given_stores(options.machine)
        workers = worker_names(options.workers)
        wanted = wanted_ports(workers, options.gateway_port)
        chosen = choose_ports({name: port for name, port in wanted.items() if name not in given})
        ports = {name: choice.port for name, choice in chosen.items()}
        secrets = read_or_make_secrets(options.home.secrets_file, options.machine)
        self._base_variables = {**secrets.variables(), **address_variables(ports)}
        layout = FleetLayout(
            home=options.home,
            workers=workers,
            ports=ports,
            stores=tuple(store for store in STORES if store not in given),
            machine=options.machine,
        )
        by_name: dict[str, Supervisor] = {}
        for part in build_parts(layout):
            needs = [by_name[need] for need in part.needs]
            by_name[part.name] = Supervisor(part, needs, self._known_variables, self._tell)
        self._supervisors = list(by_name.values())
        self._tell(events.FleetStarting(parts=list(by_name)))
        for sentence in given.values():
            self._tell(events.Notice(text=sentence))
        for sentence in describe_taken(chosen):
            self._tell(events.Notice(text=sentence))
        return ports, secrets

    def _known_variables(self) -> dict[str, str]:
        known = dict(self._base_variables)
        for supervisor in self._supervisors:
            if supervisor.running is not None:
                known.update(supervisor.running.variables)
        return known

    async def _supervise(self, come_up: Coroutine[Any, Any, None], stop: asyncio.Event) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                for supervisor in self._supervisors:
                    self._tasks[supervisor] = group.create_task(supervisor.keep_running())
                coming_up = group.create_task(come_up)
                await stop.wait()
                coming_up.cancel()
                await self._stop_all()
        except* (TensorFleetError, OSError) as errors:
            raise _first(errors) from None

    async def _come_up(self, ports: Mapping[str, int], secrets: FleetSecrets, begun: float) -> None:
        try:
            async with asyncio.timeout(START_TIMEOUT_SECONDS):
                for supervisor in self._supervisors:
                    await supervisor.is_ready.wait()
        except TimeoutError:
            late = [s.part.name for s in self._supervisors if not s.is_ready.is_set()]
            raise ServerStartFailed(
                f"not ready within {START_TIMEOUT_SECONDS:g} s: {', '.join(late)}; see the logs "
                f"in {self._options.home.log_file('x').parent}"
            ) from None
        left_seconds = max(1.0, START_TIMEOUT_SECONDS - (time.monotonic() - begun))
        url = f"http://{HOST}:{ports['gateway']}"
        is_first_start = not self._options.home.credentials_file.exists()
        async with asyncio.TaskGroup() as group:
            group.create_task(wait_until_healthy(ports["gateway"], timeout_seconds=left_seconds))
            group.create_task(self._write_credentials(ports["gateway"], url, secrets))
        self._tell(
            events.FleetReady(
                url=url,
                dashboard_url=f"http://{HOST}:{ports['monitoring-http']}/",
                docs_url=f"{url}/docs",
                seconds=time.monotonic() - begun,
                is_first_start=is_first_start,
            )
        )

    async def _write_credentials(self, port: int, url: str, secrets: FleetSecrets) -> None:
        credentials = Credentials(url=url, username=ADMIN_USER, password=secrets.admin_password)
        if not await logs_in(port, credentials.username, credentials.password):
            self._tell(
                events.Notice(
                    text=f"the database knows {ADMIN_USER} by another password than "
                    f"{self._options.home.secrets_file}: set TENSORFLEET_USERNAME and "
                    "TENSORFLEET_PASSWORD to use the command line"
                )
            )
        text = msgspec.json.encode(credentials).decode()
        write_secret(self._options.home.credentials_file, text)

    async def _stop_all(self) -> None:
        if not self._supervisors:
            return
        begun = time.monotonic()
        self._tell(events.FleetStopping())
        for stage in Stage:
            supervisors = [s for s in self._supervisors if s.part.stage is stage]
            tasks = [self._tasks[s] for s in supervisors if s in self._tasks]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await asyncio.gather(*(supervisor.stop() for supervisor in supervisors))
        self._supervisors = []
        self._tell(events.FleetStopped(seconds=time.monotonic() - begun))


def _first(errors: BaseExceptionGroup[BaseException]) -> BaseException:
    """The failure that ended the tasks; what others still said follows from it."""
    first = errors.exceptions[0]
    return _first(first) if isinstance(first, BaseExceptionGroup) else first
