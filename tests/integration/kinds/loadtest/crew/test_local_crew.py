"""Several generator processes as one: exact sums, and what happens when one is lost."""

import asyncio
import sys
from collections import Counter
from pathlib import Path

import msgspec
import psutil
import pytest

from tensorfleet.kinds.loadtest.arrivals import Arrivals, Closed, Constant, Poisson, Replay
from tensorfleet.kinds.loadtest.crew import messages
from tensorfleet.kinds.loadtest.crew.crew import Crew
from tensorfleet.kinds.loadtest.crew.local import local_crew
from tensorfleet.kinds.loadtest.crew.processes import GeneratorProcesses
from tensorfleet.kinds.loadtest.histogram import Histogram, merged
from tensorfleet.kinds.loadtest.listener import LoadOrder
from tensorfleet.kinds.loadtest.record import Point, Second
from tensorfleet.kinds.loadtest.spec import Limits, Spec, Step
from tensorfleet.shared.errors import InvalidInput, Unavailable
from tests.deadlines import eventually
from tests.integration.kinds.loadtest.servers import always, answer, serving

ALL_DAY = Constant(rate=50.0, duration_seconds=86_400.0)


def spec_of(target: str, processes: int = 1, *steps: Step) -> Spec:
    return Spec(
        target=target,
        steps=steps,
        processes=processes,
        limits=Limits(timeout_seconds=5.0, connect_timeout_seconds=2.0),
    )


def order(arrivals: Arrivals) -> LoadOrder:
    return LoadOrder(label="point", arrivals=arrivals)


class Heard:
    """Listens, and may do something at the first second or at the start."""

    def __init__(self) -> None:
        self.seconds: list[Second] = []
        self.points: list[Point] = []
        self.has_begun = asyncio.Event()
        self.crew_to_stop: Crew | None = None

    def point_started(self, order: LoadOrder) -> None:
        del order
        if self.crew_to_stop is not None:
            self.crew_to_stop.stop()

    def second(self, second: Second) -> None:
        self.seconds.append(second)
        self.has_begun.set()

    def point_ended(self, point: Point) -> None:
        self.points.append(point)

    def note(self, text: str) -> None:
        raise AssertionError(text)


def members() -> list[psutil.Process]:
    return [p for p in psutil.Process().children() if "crew.member" in " ".join(p.cmdline())]


async def test_three_processes_send_each_arrival_once_and_their_figures_add_up(
    tmp_path: Path,
) -> None:
    heard = Heard()
    async with serving(always(answer())) as server:
        spec = spec_of(server.url, 3, Step(path="/${counter}"))
        async with local_crew(spec, tmp_path) as crew:
            point = await crew.run(order(Poisson(rate=300.0, duration_seconds=1.2)), heard)
            sent = Counter(server.paths)
            by_users = await crew.run(order(Closed(users=4, duration_seconds=0.2)), heard)
    scheduled = point.counts.scheduled
    assert 200 < scheduled < 520
    assert point.counts.answered == point.counts.sent == scheduled
    assert point.counts.failed == 0
    assert sent == Counter(f"/{number}" for number in range(scheduled))
    assert len(server.asked) == scheduled + by_users.counts.answered
    assert len(point.generators) == 3
    assert sum(generator.sent for generator in point.generators) == scheduled
    assert [generator.waits_busily for generator in by_users.generators] == [False] * 3
    response = Histogram.decode(point.response)
    assert response.total == scheduled
    assert merged([second.response for second in point.seconds]) == response
    assert Histogram.decode(point.lateness).total == scheduled
    assert sum(second.counts.scheduled for second in point.seconds) == scheduled
    assert heard.points == [point, by_users]
    assert heard.seconds == [*point.seconds, *by_users.seconds]
    assert members() == []


async def test_a_lost_generator_makes_the_point_invalid_and_ends_the_load_test(
    tmp_path: Path,
) -> None:
    heard = Heard()
    async with (
        serving(always(answer())) as server,
        local_crew(spec_of(server.url, 2), tmp_path) as crew,
    ):
        running = asyncio.create_task(
            crew.run(order(Constant(rate=50.0, duration_seconds=2.0)), heard)
        )
        await heard.has_begun.wait()
        members()[0].kill()
        point = await running
        with pytest.raises(Unavailable, match="was lost"):
            await crew.run(order(ALL_DAY), heard)
    assert not point.is_valid
    assert "GENERATOR_LOST" in {reason.code for reason in point.reasons}
    assert len(point.generators) == 1
    assert point.counts.answered >= 50


async def test_a_stop_ends_the_point_with_what_ran_of_it(tmp_path: Path) -> None:
    heard = Heard()
    async with (
        serving(always(answer())) as server,
        local_crew(spec_of(server.url, 2), tmp_path) as crew,
    ):
        running = asyncio.create_task(crew.run(order(ALL_DAY), heard))
        await heard.has_begun.wait()
        crew.stop()
        point = await running
        again = await crew.run(order(Constant(rate=50.0, duration_seconds=0.2)), heard)
    assert point.interrupted
    assert point.counts.scheduled == point.counts.answered + point.counts.failed >= 50
    assert not again.interrupted
    assert again.counts.answered == 10


async def test_a_stop_at_the_very_start_is_not_missed(tmp_path: Path) -> None:
    heard = Heard()
    async with (
        serving(always(answer())) as server,
        local_crew(spec_of(server.url, 2), tmp_path) as crew,
    ):
        heard.crew_to_stop = crew
        point = await crew.run(order(ALL_DAY), heard)
    assert point.interrupted
    assert point.counts.scheduled == 0
    assert point.duration_seconds >= 0


async def test_a_target_that_is_down_is_told_once_and_not_as_a_group(tmp_path: Path) -> None:
    async with serving(always(answer())) as server:
        target = server.url
    with pytest.raises(Unavailable, match="nothing listens there"):
        async with local_crew(spec_of(target, 2), tmp_path):
            pass
    assert members() == []


async def test_a_file_that_a_generator_cannot_read_is_told(tmp_path: Path) -> None:
    (tmp_path / "times.txt").write_text("0\n0.01\n")
    async with (
        serving(always(answer())) as server,
        local_crew(spec_of(server.url), tmp_path) as crew,
    ):
        replay = order(Replay(file="times.txt"))
        point = await crew.run(replay, Heard())
        (tmp_path / "times.txt").unlink()
        with pytest.raises(InvalidInput, match="cannot be read"):
            await crew.run(replay, Heard())
    assert point.counts.answered == 2


async def test_a_generator_that_ends_at_its_start_is_told_at_once(tmp_path: Path) -> None:
    async with serving(always(answer())) as nobody:
        port = nobody.port
    processes = GeneratorProcesses()
    await processes.start(2, "127.0.0.1", port, "token", "here", tmp_path)
    with pytest.raises(Unavailable, match="ended with status 1 at its start"):
        await processes.while_running(asyncio.sleep(3600))
    await processes.end()
    assert await processes.wait() == [1, 1]


async def test_nobody_joins_without_the_token(tmp_path: Path) -> None:
    async with serving(always(answer())) as server:
        crew = Crew(spec_of(server.url), tmp_path)
        await crew.listen("127.0.0.1")
        try:
            for words in (
                msgspec.msgpack.encode(messages.Join(token="0" * 32, name="stranger")),
                msgspec.msgpack.encode(messages.Join(token="é", name="stranger")),
                msgspec.msgpack.encode(messages.Ready()),
                b"GET / HTTP/1.1",
            ):
                reader, writer = await asyncio.open_connection(crew.host, crew.port)
                writer.write(len(words).to_bytes(4, "big") + words)
                assert await reader.read() == b"", "it hangs up"
                writer.close()
            reader, writer = await asyncio.open_connection(crew.host, crew.port)
            writer.write(b"\xff\xff\xff\xff")
            assert await reader.read() == b""
            writer.close()
            with pytest.raises(Unavailable, match="0 of 1 generators have come"):
                await crew.gather(1, 0.05)
        finally:
            # One who says nothing at all does not keep it.
            reader, writer = await asyncio.open_connection(crew.host, crew.port)
            await asyncio.sleep(0)
            await crew.close()
            assert await reader.read() == b""
            writer.close()


LEADER = """
import asyncio, sys
from pathlib import Path
import msgspec
from tensorfleet.kinds.loadtest.crew.local import local_crew
from tensorfleet.kinds.loadtest.arrivals import Constant
from tensorfleet.kinds.loadtest.listener import LoadOrder
from tensorfleet.kinds.loadtest.spec import Spec

class Quiet:
    point_started = point_ended = note = lambda self, _: None
    def second(self, second):
        print("second", flush=True)

async def main():
    spec = Spec(target=sys.argv[1], processes=2)
    async with local_crew(spec, Path()) as crew:
        arrivals = Constant(rate=50.0, duration_seconds=3600.0)
        await crew.run(LoadOrder(label="x", arrivals=arrivals), Quiet())

asyncio.run(main())
"""


async def test_generators_end_when_their_leader_is_killed() -> None:
    async with serving(always(answer())) as server:
        leader = await asyncio.create_subprocess_exec(
            sys.executable, "-c", LEADER, server.url, stdout=asyncio.subprocess.PIPE
        )
        assert leader.stdout is not None
        assert await leader.stdout.readline() == b"second\n"
        orphans = psutil.Process(leader.pid).children()
        assert len(orphans) == 2
        leader.kill()
        await leader.wait()
        await eventually(lambda: not any(is_alive(orphan) for orphan in orphans))


def is_alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
