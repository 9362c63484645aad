"""Supervised children: output, environment, ends polite and rude."""

import asyncio
import signal
import sys
from pathlib import Path

import psutil
import pytest

from tensorfleet.local.child_process import ChildCommand, ChildProcess
from tensorfleet.local.errors import ServerStartFailed
from tensorfleet.local.readiness import wait_until_answering
from tests.deadlines import eventually

IGNORES_SIGTERM = """
import signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
print("grandchild", child.pid, flush=True)
time.sleep(600)
"""


def python_command(folder: Path, code: str, **environment: str) -> ChildCommand:
    return ChildCommand(
        name="child",
        program=Path(sys.executable),
        arguments=("-c", code),
        environment=environment,
        working_dir=folder,
        log_path=folder / "logs" / "child.log",
    )


async def test_child_sees_only_the_environment_and_folder_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AMBIENT", "must not leak")
    code = "import os; print(sorted(k for k in os.environ if k != 'LC_CTYPE'), os.getcwd())"
    child = await ChildProcess.start(python_command(tmp_path, code, GIVEN="yes"))
    assert await child.wait() == 0
    assert child.log_tail() == f"['GIVEN'] {tmp_path}"


async def test_stop_lets_a_child_end_by_itself(tmp_path: Path) -> None:
    code = (
        "import signal, sys, time\n"
        "signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))\n"
        "print('ready', flush=True); time.sleep(600)"
    )
    child = await ChildProcess.start(python_command(tmp_path, code))
    await eventually(lambda: "ready" in child.log_tail())
    assert await child.stop(grace_seconds=30) == 7
    assert await child.stop(grace_seconds=30) == 7


async def test_stop_kills_a_deaf_child_with_its_whole_group(tmp_path: Path) -> None:
    child = await ChildProcess.start(python_command(tmp_path, IGNORES_SIGTERM))
    await eventually(lambda: "grandchild" in child.log_tail())
    grandchild = psutil.Process(int(child.log_tail().split()[1]))
    assert await child.stop(grace_seconds=0.2) == -signal.SIGKILL
    await eventually(
        lambda: not grandchild.is_running() or grandchild.status() == psutil.STATUS_ZOMBIE
    )


async def test_program_that_cannot_run_says_so_in_the_log(tmp_path: Path) -> None:
    command = ChildCommand(
        name="nothing",
        program=tmp_path / "missing",
        working_dir=tmp_path,
        log_path=tmp_path / "log",
    )
    child = await ChildProcess.start(command)
    assert await child.wait() != 0
    assert "No such file or directory" in child.log_tail()


async def test_waiting_for_a_child_that_ended_shows_its_last_words(tmp_path: Path) -> None:
    child = await ChildProcess.start(python_command(tmp_path, "raise SystemExit('out of luck')"))

    async def never() -> bool:
        return False

    with pytest.raises(ServerStartFailed, match=r"status 1 while starting(?s:.*)out of luck"):
        await wait_until_answering(child, never, listens_on=1, not_yet=(), timeout_seconds=30)


async def test_waiting_for_a_silent_child_ends_in_time(tmp_path: Path) -> None:
    code = (
        "import socket, time\n"
        "listener = socket.create_server(('127.0.0.1', 0))\n"
        "print(listener.getsockname()[1], flush=True); time.sleep(600)"
    )
    child = await ChildProcess.start(python_command(tmp_path, code))

    async def refuse() -> bool:
        raise ConnectionRefusedError("refused")

    try:
        await eventually(lambda: child.log_tail() != "")
        with pytest.raises(ServerStartFailed, match=r"within 0\.5 s \(refused\)"):
            await wait_until_answering(
                child,
                refuse,
                listens_on=int(child.log_tail()),
                not_yet=(OSError,),
                timeout_seconds=0.5,
            )
    finally:
        await child.stop(grace_seconds=0)


async def test_answer_of_another_server_is_not_taken_for_the_childs(tmp_path: Path) -> None:
    child = await ChildProcess.start(python_command(tmp_path, "import time; time.sleep(600)"))

    async def hear_the_other_one() -> bool:
        return True

    try:
        async with await asyncio.start_server(lambda _r, _w: None, "127.0.0.1", 0) as other:
            port = other.sockets[0].getsockname()[1]
            with pytest.raises(ServerStartFailed, match=f"it does not listen on port {port}"):
                await wait_until_answering(
                    child,
                    hear_the_other_one,
                    listens_on=port,
                    not_yet=(),
                    timeout_seconds=0.2,
                )
    finally:
        await child.stop(grace_seconds=0)


async def test_grown_log_is_set_aside_at_the_next_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tensorfleet.local.child_process.LOG_ROTATE_BYTES", 10)
    for word in ("first-run-with-much-to-say", "second"):
        child = await ChildProcess.start(python_command(tmp_path, f"print('{word}')"))
        async with asyncio.timeout(30):
            await child.wait()
    assert child.log_tail() == "second"
    assert "first-run" in (tmp_path / "logs" / "child.log.1").read_text()
