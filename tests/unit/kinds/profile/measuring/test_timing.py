"""Values: what is timed, how often, and on which arguments."""

import gc

import pytest

from tensorfleet.kinds.profile.measurement import Usage
from tensorfleet.kinds.profile.measuring.fresh_arguments import copier_of
from tensorfleet.kinds.profile.measuring.timing import MAX_COPIES, Timer, add_usage


def timer_of(function: object, *arguments: object, changes: bool = False) -> Timer:
    return Timer(
        function,  # type: ignore[arg-type]
        arguments,
        copier_of(arguments) if changes else None,
        input_bytes=100,
        is_gc_enabled=True,
    )


def test_function_is_called_as_often_as_was_asked() -> None:
    calls: list[int] = []
    seconds, usage = timer_of(calls.append, 7).value(5)
    assert calls == [7] * 5
    assert usage.calls == 5
    assert seconds * 5 == pytest.approx(usage.wall_seconds)


@pytest.mark.parametrize("loops", [1, 7, MAX_COPIES + 3])
def test_each_call_gets_the_input_as_it_was(loops: int) -> None:
    seen: list[tuple[int, ...]] = []

    def spoil(values: list[int]) -> None:
        seen.append(tuple(values))
        values.clear()

    timer_of(spoil, [3, 1, 2], changes=True).value(loops)
    assert seen == [(3, 1, 2)] * loops


def test_calibration_finds_a_power_of_two_that_lasts_long_enough() -> None:
    timer = timer_of(sum, range(1000))
    loops = timer.calibrate(0.004)
    assert loops & (loops - 1) == 0
    assert loops > 4
    assert timer.value(loops)[0] * loops > 0.002


def test_long_call_is_not_repeated() -> None:
    assert timer_of(sum, range(300_000)).calibrate(0.0001) == 1


@pytest.mark.parametrize("is_enabled", [True, False])
def test_collector_is_as_was_stated_while_timing_and_as_before_after(is_enabled: bool) -> None:
    seen: list[bool] = []
    timer = Timer(
        lambda: seen.append(gc.isenabled()), (), None, input_bytes=0, is_gc_enabled=is_enabled
    )
    timer.value(2)
    assert seen == [is_enabled] * 2
    assert gc.isenabled()


def test_exception_leaves_the_collector_on() -> None:
    def fail() -> None:
        raise ValueError

    timer = Timer(fail, (), None, input_bytes=0, is_gc_enabled=False)
    with pytest.raises(ValueError, match=r"^$"):
        timer.value(1)
    assert gc.isenabled()


def test_usages_add_up() -> None:
    one = Usage(calls=1, wall_seconds=2.0, cpu_seconds=1.0, minor_faults=3)
    both = add_usage(add_usage(None, one), one)
    assert both == Usage(calls=2, wall_seconds=4.0, cpu_seconds=2.0, minor_faults=6)
    assert both.cpu_percent == 50.0
