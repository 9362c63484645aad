from tensorfleet.kinds.loadtest.monitors.grid import moments


class SteppingClock:
    """A clock that goes on whenever it is looked at."""

    def __init__(self, step: float) -> None:
        self.now = 0.0005
        self._step = step

    def __call__(self) -> float:
        self.now += self._step
        return self.now


async def test_moments_are_multiples_of_the_interval() -> None:
    clock = SteppingClock(0.0001)
    seen = []
    async for moment in moments(clock, 0.001):
        seen.append(round(moment, 9))
        assert clock.now >= moment
        if len(seen) == 50:
            break
    assert seen == [round(number / 1000, 9) for number in range(1, 51)]


async def test_who_takes_long_misses_moments_and_gets_none_twice() -> None:
    clock = SteppingClock(0.0001)
    seen = []
    async for moment in moments(clock, 0.001):
        seen.append(round(moment, 9))
        clock.now += 0.0025
        if len(seen) == 4:
            break
    assert seen == [0.001, 0.004, 0.007, 0.01]
