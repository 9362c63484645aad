"""Starts a service or worker of this fleet as a child process, and waits until it answers."""

import asyncio
import http.client
import sys
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from pathlib import Path

from tensorfleet.local.child_process import ChildCommand, ChildProcess
from tensorfleet.local.errors import ServerStartFailed, SettingsRefused
from tensorfleet.local.free_ports import HOST
from tensorfleet.local.part import RunningPart
from tensorfleet.local.readiness import wait_until_answering

START_TIMEOUT_SECONDS = 60.0
PROBE_TIMEOUT_SECONDS = 2.0
SETTINGS_REFUSED_STATUS = 2  # see shared/settings.py
ATTACHED_LINE = b"tensorfleet_worker_session_attached 1.0"


async def start_service(
    *,
    name: str,
    module: str,
    environment: Mapping[str, str],
    working_dir: Path,
    log_path: Path,
    port: int,
    stop_grace_seconds: float,
    is_worker: bool = False,
) -> RunningPart:
    """Starts `python -m tensorfleet.<module>`.

    A service answers once it listens; a worker, once an orchestrator has it. When this fails,
    nothing keeps running.

    Args:
        name: Of the part.
        module: The service's package.
        environment: All that the process sees.
        working_dir: Where it runs; made when missing.
        log_path: Where its output goes.
        port: Where it will listen; of a worker, its metrics.
        stop_grace_seconds: How long it may take to stop.
        is_worker: Whether it is one.

    Raises:
        SettingsRefused: It ended because of its settings.
        ServerStartFailed: It ended or did not answer in time.
    """
    working_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    process = await ChildProcess.start(
        ChildCommand(
            name=name,
            program=Path(sys.executable),
            # Without -P, a json.py in the working directory would stand in for Python's own.
            arguments=("-P", "-m", f"tensorfleet.{module}"),
            environment=environment,
            working_dir=working_dir,
            log_path=log_path,
        )
    )
    probe: Callable[[], Awaitable[bool]] = partial(_is_attached, port) if is_worker else _listens
    try:
        await wait_until_answering(
            process,
            probe,
            listens_on=port,
            not_yet=(OSError, http.client.HTTPException),
            timeout_seconds=START_TIMEOUT_SECONDS,
        )
    except BaseException as exc:
        await process.stop(grace_seconds=0)
        if isinstance(exc, ServerStartFailed) and process.returncode == SETTINGS_REFUSED_STATUS:
            raise SettingsRefused(f"{name}: {_last_words(process)}") from None
        raise
    return RunningPart(
        process=process, stop=partial(process.stop, grace_seconds=stop_grace_seconds)
    )


def _last_words(process: ChildProcess) -> str:
    """What a service said of its settings, without the hint at its own `--help`."""
    lines = [line for line in process.log_tail().splitlines() if not line.startswith("(--help")]
    return lines[-1] if lines else "it refused its settings without a word"


async def _listens() -> bool:
    # Services listen when they have all that they need; the wait itself has seen that it does.
    return True


async def _is_attached(metrics_port: int) -> bool:
    return await asyncio.to_thread(_has_session, metrics_port)


def _has_session(metrics_port: int) -> bool:
    connection = http.client.HTTPConnection(HOST, metrics_port, timeout=PROBE_TIMEOUT_SECONDS)
    try:
        connection.request("GET", "/metrics")
        return ATTACHED_LINE in connection.getresponse().read().splitlines()
    finally:
        connection.close()
