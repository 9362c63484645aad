"""All the machines that a load test watches."""

import asyncio
import socket
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any

from tensorfleet.kinds.loadtest.monitors.local import LocalSource
from tensorfleet.kinds.loadtest.monitors.machine_record import MachineRecord
from tensorfleet.kinds.loadtest.monitors.ping import Ping, ping_address
from tensorfleet.kinds.loadtest.monitors.prometheus import PrometheusSource
from tensorfleet.kinds.loadtest.monitors.source import Source
from tensorfleet.kinds.loadtest.monitors.ssh import SshSource
from tensorfleet.kinds.loadtest.monitors.ssh_address import ssh_address
from tensorfleet.kinds.loadtest.monitors.worker import UsageReader, WorkerSource
from tensorfleet.kinds.loadtest.record import Watched
from tensorfleet.kinds.loadtest.spec import Monitor
from tensorfleet.shared.errors import InvalidInput, TensorFleetError

# /proc counts in hundredths of a second; shares over less than this would be guesses.
LEAST_INTERVAL_SECONDS = 0.1
START_SECONDS = 15.0


def machines_watch(
    monitors: Sequence[Monitor],
    interval_seconds: float,
    clock: Callable[[], float],
    resolve: Callable[[str], str],
    usage_reader: UsageReader | None = None,
    folder: Path | None = None,
) -> "MachinesWatch":
    """A watch of the machines that monitors name.

    Args:
        interval_seconds: Between samples; at least 0.1.
        clock: The run's; samples are taken at multiples of the interval on it.
        resolve: Gives the text that references to secrets (`${env:NAME}`, `${file:PATH}`) stand
            for; raises a TensorFleetError where there is none.
        usage_reader: Needed for workers of the fleet.
        folder: Where key files and known hosts are, unless their paths are absolute.

    Raises:
        InvalidInput: The interval is too short, or an alias is there twice.
    """
    if interval_seconds < LEAST_INTERVAL_SECONDS:
        raise InvalidInput(
            f"monitor_interval_seconds is {interval_seconds:g}; it must be at least "
            f"{LEAST_INTERVAL_SECONDS:g}: machines count their own time in hundredths of a second."
        )
    aliases = [monitor.alias for monitor in monitors]
    if twice := {alias for alias in aliases if aliases.count(alias) > 1}:
        raise InvalidInput(
            f"Several monitors have the alias {', '.join(sorted(twice))}; give each its own."
        )
    return MachinesWatch(
        [
            _Machine(monitor, interval_seconds, clock, resolve, usage_reader, folder or Path())
            for monitor in monitors
        ]
    )


class MachinesWatch:
    """Watches each machine for itself: a slow one delays no other."""

    def __init__(self, machines: "Sequence[_Machine]") -> None:
        self._machines = machines
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Begins to sample. Returns when each machine is watched or has a problem, after 15 s at
        the latest."""
        self._tasks = [
            asyncio.create_task(work) for machine in self._machines for work in machine.work()
        ]
        try:
            async with asyncio.timeout(START_SECONDS):
                for machine in self._machines:
                    await machine.settled.wait()
        except TimeoutError:
            pass  # it samples as soon as it can
        except asyncio.CancelledError:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Ends sampling; what was seen stays."""
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def watched(self) -> tuple[Watched, ...]:
        """What was seen so far."""
        return tuple(machine.record.watched() for machine in self._machines)


class _Machine:
    """One monitor at work."""

    def __init__(
        self,
        monitor: Monitor,
        interval_seconds: float,
        clock: Callable[[], float],
        resolve: Callable[[str], str],
        usage_reader: UsageReader | None,
        folder: Path,
    ) -> None:
        self._monitor = monitor
        self._interval_seconds = interval_seconds
        self._clock = clock
        self._resolve = resolve
        self._usage_reader = usage_reader
        self._folder = folder
        self._problems: list[str] = []
        self._ping = self._make_ping()
        name, host = _source_and_host(monitor)
        self.settled = asyncio.Event()
        self.record = MachineRecord(
            alias=monitor.alias,
            source=name,
            host=host,
            interval_seconds=interval_seconds,
            ping=self._ping.take if self._ping else lambda: None,
        )
        self.record.on_settled(self.settled.set)
        for problem in self._problems:
            self.record.problem(problem)

    def work(self) -> list[Coroutine[Any, Any, None]]:
        """What runs while the machine is watched."""
        if self._ping is None:
            return [self._watch()]
        return [self._watch(), self._ping.measure(self.record.problem)]

    async def _watch(self) -> None:
        try:
            await self._make_source().watch(self.record)
        except TensorFleetError as exc:
            self.record.problem(str(exc))
        except Exception as exc:  # noqa: BLE001  a load goes on without one of its monitors
            self.record.problem(f"Watching ended by a fault of TensorFleet: {exc!r}")
        finally:
            self.record.settled()

    def _make_ping(self) -> Ping | None:
        try:
            address = ping_address(self._monitor)
        except InvalidInput as exc:
            self._problems.append(str(exc))
            return None
        if address is None:
            return None
        return Ping(address, clock=self._clock, interval_seconds=self._interval_seconds)

    def _path(self, text: str) -> Path | None:
        return self._folder / Path(text).expanduser() if text else None

    def _make_source(self) -> Source:
        monitor = self._monitor
        if monitor.ssh:
            return SshSource(
                ssh_address(monitor.ssh),
                password=self._resolve(monitor.password) if monitor.password else None,
                key_file=self._path(monitor.key_file),
                known_hosts=self._path(monitor.known_hosts),
                clock=self._clock,
                interval_seconds=self._interval_seconds,
                process_names=monitor.processes,
            )
        if monitor.prometheus:
            return PrometheusSource(
                self._resolve(monitor.prometheus),
                shown_url=_without_user(monitor.prometheus),
                clock=self._clock,
                interval_seconds=self._interval_seconds,
                process_names=monitor.processes,
            )
        if monitor.worker:
            if self._usage_reader is None:
                raise InvalidInput(
                    f"Worker {monitor.worker} can be watched by a job of its fleet only; submit "
                    "the load test as a job, or watch the machine by `ssh`."
                )
            return WorkerSource(
                monitor.worker,
                self._usage_reader,
                clock=self._clock,
                interval_seconds=self._interval_seconds,
                process_names=monitor.processes,
            )
        return LocalSource(
            clock=self._clock,
            interval_seconds=self._interval_seconds,
            process_names=monitor.processes,
        )


def _source_and_host(monitor: Monitor) -> tuple[str, str]:
    if monitor.ssh:
        return "ssh", monitor.ssh.rpartition("@")[2]
    if monitor.prometheus:
        return "prometheus", _without_user(monitor.prometheus).partition("://")[2].partition("/")[0]
    if monitor.worker:
        return "worker", monitor.worker
    return "local", socket.gethostname()


def _without_user(url: str) -> str:
    scheme, separator, rest = url.partition("://")
    place, slash, path = rest.partition("/")
    return f"{scheme}{separator}{place.rpartition('@')[2]}{slash}{path}"
