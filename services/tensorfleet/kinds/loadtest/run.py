"""What a load test's tasks do: the first leads, every one sends its share."""

import asyncio
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

from tensorfleet.kinds.loadtest.campaign.campaign import conduct
from tensorfleet.kinds.loadtest.crew.crew import Crew
from tensorfleet.kinds.loadtest.crew.processes import GeneratorProcesses
from tensorfleet.kinds.loadtest.document_size import within
from tensorfleet.kinds.loadtest.engine.placeholders import secrets_of
from tensorfleet.kinds.loadtest.job_listener import JobListener
from tensorfleet.kinds.loadtest.monitors.machines import machines_watch
from tensorfleet.kinds.loadtest.record import Document
from tensorfleet.kinds.loadtest.reporting.redaction import without_secrets
from tensorfleet.kinds.loadtest.spec import Spec, targets_of
from tensorfleet.kinds.task_place import TaskPlace, TaskRun
from tensorfleet.kinds.task_plan import TaskPlan
from tensorfleet.shared.errors import Unavailable

MAX_DOCUMENT_BYTES = 900_000
"""A task's result has at most 1 MiB."""

_ANY_ADDRESS = "127.0.0.1"
_MEET_SECONDS = 120.0
_JOIN_SECONDS = 120.0
_STOP_LOOK_SECONDS = 0.1


def run(plan: TaskPlan, place: TaskPlace) -> Any:
    """Runs the load test; the first task returns the document, the others nothing.

    Raises:
        TensorFleetError: The target cannot be reached, or the other workers do not come.
    """
    spec = msgspec.convert(plan.payload["spec"], Spec)
    folder = place.code or Path.cwd()
    task_run = place.open_run()
    if place.index == 0:
        document = asyncio.run(_lead(spec, plan.payload["spec"], place, task_run, folder))
        return msgspec.to_builtins(within(document, MAX_DOCUMENT_BYTES))
    asyncio.run(_follow(spec, place, task_run, folder))
    return None


async def _lead(
    spec: Spec, config: dict[str, Any], place: TaskPlace, task_run: TaskRun, folder: Path
) -> Document:
    crew = Crew(spec, folder)
    processes = GeneratorProcesses()
    await crew.listen(place.peer_host if spec.workers > 1 else _ANY_ADDRESS)
    listener = JobListener(task_run)
    listener.note(targets_of(spec))
    stop = asyncio.Event()
    watcher = asyncio.create_task(_watch_stop(task_run, stop))
    try:
        await _start(processes, spec, crew.host, crew.port, crew.token, place, folder)
        if spec.workers > 1:
            meeting = msgspec.json.encode([crew.host, crew.port, crew.token]).decode()
            await asyncio.to_thread(task_run.meet, meeting, _MEET_SECONDS)
        count = spec.workers * spec.processes
        await processes.while_running(crew.gather(count, _JOIN_SECONDS))
        watch = machines_watch(
            spec,
            crew.clock,
            folder,
            secrets=secrets_of(folder),
            worker_usage=task_run.worker_usage,
        )
        return await conduct(spec, crew, watch, listener, config=without_secrets(config), stop=stop)
    finally:
        watcher.cancel()
        with suppress(asyncio.CancelledError):
            await watcher
        await crew.close()
        await processes.end()


async def _follow(spec: Spec, place: TaskPlace, task_run: TaskRun, folder: Path) -> None:
    addresses = await asyncio.to_thread(task_run.meet, "-", _MEET_SECONDS)
    host, port, token = msgspec.json.decode(addresses[0], type=tuple[str, int, str])
    processes = GeneratorProcesses()
    try:
        await _start(processes, spec, host, port, token, place, folder)
        statuses = await processes.wait()
    finally:
        await processes.end()
    if failed := [status for status in statuses if status]:
        raise Unavailable(f"a generator ended with status {failed[0]}")


async def _start(
    processes: GeneratorProcesses,
    spec: Spec,
    host: str,
    port: int,
    token: str,
    place: TaskPlace,
    folder: Path,
) -> None:
    machine = f"{place.worker or 'worker'}.{place.index}"
    await processes.start(spec.processes, host, port, token, machine, folder)


async def _watch_stop(task_run: TaskRun, stop: asyncio.Event) -> None:
    while not task_run.should_stop:  # noqa: ASYNC110  a thread of the run's sets it
        await asyncio.sleep(_STOP_LOOK_SECONDS)
    stop.set()
