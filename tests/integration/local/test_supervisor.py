"""One part that is kept running, as a real process."""

import asyncio
import signal
import sys
from functools import partial
from pathlib import Path

import pytest

from tensorfleet.local import fleet_event as events
from tensorfleet.local.child_process import ChildCommand, ChildProcess
from tensorfleet.local.errors import ServerNotSupported, ServerStartFailed
from tensorfleet.local.part import Part, RunningPart, Stage, Variables
from tensorfleet.local.supervisor import Supervisor
from tests.deadlines import eventually

SLEEPS = "import time; print('awake', flush=True); time.sleep(600)"
DIES = "import sys; print('no disk left'); sys.exit(3)"


class Stand:
    """A part that runs Python code, and everything that is told about it."""

    def __init__(self, folder: Path, *codes: str) -> None:
        self.told: list[events.FleetEvent] = []
        self._folder = folder
        self._codes = list(codes)
        part = Part(name="part", stage=Stage.SERVICES, port=1, start=self._start)
        self.supervisor = Supervisor(part, [], dict, self.told.append)

    async def _start(self, _variables: Variables) -> RunningPart:
        code = self._codes.pop(0) if len(self._codes) > 1 else self._codes[0]
        process = await ChildProcess.start(
            ChildCommand(
                name="part",
                program=Path(sys.executable),
                arguments=("-c", code),
                working_dir=self._folder,
                log_path=self._folder / "part.log",
            )
        )
        return RunningPart(process=process, stop=partial(process.stop, grace_seconds=10))

    def of_type(self, kind: type[events.FleetEvent]) -> list[events.FleetEvent]:
        return [event for event in self.told if isinstance(event, kind)]


async def stopped(stand: Stand, task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await stand.supervisor.stop()


async def test_part_that_dies_is_started_again_and_its_last_words_are_told(tmp_path: Path) -> None:
    stand = Stand(tmp_path, DIES, SLEEPS)
    task = asyncio.create_task(stand.supervisor.keep_running())
    await eventually(lambda: len(stand.of_type(events.PartReady)) == 2)
    (ended,) = stand.of_type(events.PartEnded)
    assert isinstance(ended, events.PartEnded)
    assert (ended.how, ended.log_tail) == ("ended with exit status 3", "no disk left")
    assert ended.restart_seconds == 0.5
    assert stand.supervisor.is_ready.is_set()
    await stopped(stand, task)
    assert stand.supervisor.running is None


async def test_killed_part_is_not_ready_until_it_is_back(tmp_path: Path) -> None:
    stand = Stand(tmp_path, SLEEPS)
    task = asyncio.create_task(stand.supervisor.keep_running())
    await stand.supervisor.is_ready.wait()
    stand.supervisor.kill()
    await eventually(lambda: not stand.supervisor.is_ready.is_set())
    await eventually(stand.supervisor.is_ready.is_set)
    (ended,) = stand.of_type(events.PartEnded)
    assert isinstance(ended, events.PartEnded)
    assert ended.how == f"was ended by {signal.SIGKILL.name}"
    assert ended.log_tail == ""
    await stopped(stand, task)


@pytest.mark.parametrize(
    ("error", "tries"),
    [(ServerStartFailed("no disk left"), 3), (ServerNotSupported("not on this machine"), 1)],
)
async def test_part_that_never_comes_up_is_given_up(error: Exception, tries: int) -> None:
    calls: list[int] = []

    async def start(_variables: Variables) -> RunningPart:
        calls.append(1)
        raise error

    part = Part(name="part", stage=Stage.STORES, port=1, start=start)
    told: list[events.FleetEvent] = []
    async with asyncio.timeout(20):
        with pytest.raises(type(error), match=str(error)):
            await Supervisor(part, [], dict, told.append).keep_running()
    assert len(calls) == tries


async def test_part_waits_for_what_it_needs(tmp_path: Path) -> None:
    stand = Stand(tmp_path, SLEEPS)
    need = Stand(tmp_path, SLEEPS)
    supervisor = Supervisor(stand.supervisor.part, [need.supervisor], dict, stand.told.append)
    task = asyncio.create_task(supervisor.keep_running())
    needed = asyncio.create_task(need.supervisor.keep_running())
    await supervisor.is_ready.wait()
    assert need.supervisor.is_ready.is_set()
    assert isinstance(need.told[-1], events.PartReady)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await supervisor.stop()
    await stopped(need, needed)
