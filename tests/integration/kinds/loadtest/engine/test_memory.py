"""A long run needs no more memory than a short one."""

import tracemalloc
from collections.abc import Callable

import numpy as np

from tensorfleet.kinds.loadtest.arrivals import Constant
from tensorfleet.kinds.loadtest.engine.recorder import SECOND, Recorder
from tests.integration.kinds.loadtest.engine.points import limits, point_of, spec_of
from tests.integration.kinds.loadtest.servers import always, answer, serving


def held_bytes_after(work: Callable[[int], None]) -> int:
    work(1)  # what is made once
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        work(10)
        return tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()


def test_the_recorder_holds_no_more_after_200_000_answers() -> None:
    recorder = Recorder(0, ("one", "two"))
    times = np.random.default_rng(1).integers(1_000, 10 * SECOND, 20_000).tolist()

    def work(seconds: int) -> None:
        for second in range(seconds):
            recorder.scheduled_by_second[second] += len(times)
            for time in times:
                recorder.came_to(time // 1000)
                recorder.step(0, time)
                recorder.step(1, time)
                recorder.span(time)
                recorder.answered(0, 10, time, 200)
                recorder.failed(0, 10, time, "TIMEOUT")
                if recorder.is_full():
                    recorder.count()
            recorder.close_second()

    assert held_bytes_after(work) < 64 * 1024


async def test_a_generator_holds_no_more_after_5_000_requests() -> None:
    async with serving(always(answer())) as server:
        spec = spec_of(server.url, limits=limits(connections=16))
        # Faster than it can be answered: the worst case for what waits.
        arrivals = Constant(rate=20_000.0, duration_seconds=0.25)
        first = await point_of(spec, arrivals)
        server.asked.clear()
        tracemalloc.start()
        try:
            before = tracemalloc.get_traced_memory()[0]
            second = await point_of(spec, arrivals)
            del second
            server.asked.clear()
            held = tracemalloc.get_traced_memory()[0] - before
        finally:
            tracemalloc.stop()
    assert first.counts.scheduled == 5_000
    assert held < 256 * 1024
