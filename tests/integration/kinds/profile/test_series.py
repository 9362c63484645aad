"""Series of functions as users hand them in, measured by real processes."""

import os
from collections.abc import Sequence
from pathlib import Path

import psutil
import pytest

from tensorfleet.kinds.profile.algorithms.algorithm import Algorithm
from tensorfleet.kinds.profile.measurement import Cell, Measuring, Series
from tensorfleet.kinds.profile.measuring.conductor import Conductor, Subject
from tensorfleet.kinds.profile.measuring.lane_process import LaneFailed, Stopped
from tensorfleet.kinds.profile.measuring.machine import describe_machine
from tensorfleet.kinds.profile.measuring.series import measure_series

SUBJECTS = Path(__file__).parent / "subjects"
QUICK = Measuring(processes=3, values=2, value_seconds=0.002, call_seconds=20.0)
MIB = 1024 * 1024


def algorithm(function: str, **fields: object) -> Algorithm:
    given = {"inputs": {"numbers": "strange:numbers"}, **fields}
    return Algorithm(name=function, function=f"strange:{function}", **given)  # type: ignore[arg-type]


def measure(
    asked: Algorithm,
    sizes: Sequence[int] = (100,),
    measuring: Measuring = QUICK,
    *,
    conductor: Conductor | None = None,
    check_outputs: bool = True,
    auto_extend: bool = False,
) -> Series:
    told: list[tuple[int, int]] = []
    series = measure_series(
        conductor or Conductor(measuring=measuring),
        Subject(algorithm=asked, code_folder=SUBJECTS, input="", seed=1),
        sizes,
        describe_machine("w"),
        code="",
        check_outputs=check_outputs,
        auto_extend=auto_extend,
        tell=lambda done, total: told.append((done, total)),
    )
    assert told == sorted(told)
    assert all(done <= total for done, total in told)
    return series


def only_cell(series: Series) -> Cell:
    (cell,) = series.cells
    return cell


def error_of(asked: Algorithm, **options: object) -> str:
    cell = only_cell(measure(asked, **options))  # type: ignore[arg-type]
    assert cell.error is not None
    assert not cell.processes
    return f"{cell.error.code}: {cell.error.message}"


def test_every_process_measures_every_size() -> None:
    series = measure(algorithm("total"), (1000, 10, 100))
    assert [cell.size for cell in series.cells] == [10, 100, 1000]
    for cell in series.cells:
        assert cell.error is None
        assert [len(values) for values in cell.processes] == [2, 2, 2]
        assert cell.usage is not None
        assert cell.usage.calls == 6 * cell.loops
        assert cell.loops > 1
        # One value lasts at least as long as was asked, unless the machine got quicker meanwhile.
        assert cell.loops * max(map(max, cell.processes)) > 0.001
    small, _, large = (min(map(min, cell.processes)) for cell in series.cells)
    assert large > small
    assert series.machine.worker == "w"
    assert series.machine.yardstick_seconds > 0


def test_changed_input_is_new_for_every_call() -> None:
    # On an input that stays sorted, a call would take as long as 400 steps, and not 40,000.
    on_random = only_cell(measure(algorithm("sort_in_place"), (400,)))
    already = algorithm("sort_in_place", inputs={"sorted": "sorted"}, reference="builtins:sorted")
    on_sorted = only_cell(measure(already, (400,)))
    assert min(map(min, on_random.processes)) > 10 * min(map(min, on_sorted.processes))


def test_answer_is_compared_with_the_reference() -> None:
    assert only_cell(measure(algorithm("total", reference="strange:right_total"))).error is None
    wrong = algorithm("wrong_total", reference="strange:right_total")
    assert error_of(wrong).startswith("WRONG_OUTPUT: its answer is not the right one")
    assert only_cell(measure(wrong, check_outputs=False)).error is None


def test_function_that_returns_nothing_is_told_to_return_something() -> None:
    assert error_of(algorithm("nothing")).startswith("NO_OUTPUT")


def test_function_that_never_returns_is_ended() -> None:
    short = Measuring(processes=2, call_seconds=0.3)
    text = error_of(algorithm("never"), measuring=short)
    assert text.startswith("TIMEOUT: it did not return within 0.3 s; raise measuring.call_seconds")


def test_sizes_beyond_trouble_are_not_tried() -> None:
    short = Measuring(processes=2, value_seconds=0.001, call_seconds=0.5)
    series = measure(algorithm("slow_when_large"), (100, 1000, 100_000_000), short)
    fine, slow, never_tried = series.cells
    assert fine.error is None
    assert len(fine.processes) == 2
    assert slow.error is not None
    assert slow.error.code == "TIMEOUT"
    assert never_tried.error is not None
    assert "not tried, as a smaller size had trouble" in never_tried.error.message


def test_size_that_would_take_days_is_not_tried() -> None:
    series = measure(algorithm("sort_in_place"), (100, 1000, 1_000_000))
    error = series.cells[-1].error
    assert error is not None
    assert error.code == "TOO_LONG"
    assert "one call would take about" in error.message


def test_function_that_takes_too_much_memory_is_stopped() -> None:
    limited = Conductor(measuring=QUICK, memory_bytes=400 * MIB)
    assert error_of(algorithm("greedy"), conductor=limited).startswith("OUT_OF_MEMORY")


def test_children_that_take_too_much_memory_are_stopped() -> None:
    limited = Conductor(measuring=QUICK, memory_bytes=240 * MIB)
    text = error_of(algorithm("greedy_in_a_child"), conductor=limited)
    assert text.startswith(("OUT_OF_MEMORY", "RAISED"))


def test_input_that_does_not_fit_is_told_as_such() -> None:
    limited = Conductor(measuring=QUICK, memory_bytes=400 * MIB)
    asked = algorithm("total", inputs={"all": "strange:too_much"})
    text = error_of(asked, sizes=(10**9,), conductor=limited)
    assert text.startswith("OUT_OF_MEMORY: making the input of size 1,000,000,000")


def test_exception_is_told_with_its_trace() -> None:
    text = error_of(algorithm("raising"))
    assert text.startswith("RAISED: it raised ValueError: no luck with 100")
    assert "in raising" in text


def test_function_that_exits_or_dies_is_told() -> None:
    assert error_of(algorithm("leaving")).startswith("RAISED: it raised SystemExit")
    text = error_of(algorithm("dying"))
    assert text == "PROCESS_DIED: the process that ran it ended by signal SIGSEGV"


def test_chance_and_printing_are_noted() -> None:
    dice = only_cell(measure(algorithm("dice")))
    assert [note.code for note in dice.notes] == ["NOT_DETERMINISTIC"]
    printing = only_cell(measure(algorithm("printing")))
    assert [note.code for note in printing.notes] == ["WRITES"]
    assert len(printing.processes) == 3


def test_function_that_forks_into_the_measuring_is_refused() -> None:
    assert error_of(algorithm("forking")).startswith("FORKED")


def test_process_that_is_left_behind_is_refused_and_ended() -> None:
    text = error_of(algorithm("leaving_a_process"))
    assert text.startswith("LEFT_PROCESSES: it returned while 1 of its processes still ran")
    ours = psutil.Process().children(recursive=True)
    assert [child for child in ours if "sleep" in child.name()] == []


def test_processes_that_are_waited_for_and_threads_are_fine() -> None:
    cell = only_cell(measure(algorithm("waiting_for_a_process")))
    assert cell.error is None
    assert cell.usage is not None
    assert cell.usage.cpu_seconds > 0
    assert only_cell(measure(algorithm("leaving_a_thread"))).error is None


def test_memory_of_a_call_is_what_it_touches() -> None:
    memory = only_cell(measure(algorithm("growing"))).memory
    assert memory is not None
    assert 45 * MIB < memory.grown_bytes < 60 * MIB
    assert 45 * MIB < memory.allocated_bytes < 60 * MIB


def test_memory_of_children_counts() -> None:
    memory = only_cell(measure(algorithm("greedy_in_a_child"))).memory
    assert memory is not None
    assert memory.children_peak_bytes > 150 * MIB
    assert memory.grown_bytes > 150 * MIB


def test_wrong_generators_are_told() -> None:
    no_tuple = algorithm("total", inputs={"x": "strange:no_tuple"})
    assert "let it return the tuple" in error_of(no_tuple)


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"function": "strange:missing"}, "missing"),
        ({"function": "nowhere:total"}, "nowhere"),
        ({"requires": ("no_such_library",)}, "no_such_library"),
        ({"inputs": {"x": "strange:missing"}}, "missing"),
        ({"reference": "strange:missing"}, "missing"),
    ],
)
def test_what_cannot_be_imported_is_named(fields: dict[str, object], text: str) -> None:
    given = {"name": "x", "function": "strange:total", **fields}
    with pytest.raises(LaneFailed, match=text):
        measure(Algorithm(**given))  # type: ignore[arg-type]


def test_series_that_lasts_too_long_takes_fewer_processes() -> None:
    hurried = Measuring(processes=50, values=1, value_seconds=0.001, series_seconds=0.1)
    series = measure(algorithm("total"), measuring=hurried)
    assert [note.code for note in series.notes] == ["FEWER_PROCESSES"]
    assert 1 <= len(only_cell(series).processes) < 50


def test_stopped_series_leaves_no_process() -> None:
    conductor = Conductor(measuring=QUICK, should_stop=lambda: True)
    before = set(psutil.Process(os.getpid()).children(recursive=True))
    with pytest.raises(Stopped):
        measure(algorithm("never"), conductor=conductor)
    assert set(psutil.Process(os.getpid()).children(recursive=True)) <= before


def test_sizes_are_added_until_the_class_can_be_told() -> None:
    measuring = Measuring(processes=4, values=2, value_seconds=0.005)
    series = measure(algorithm("right_total"), (16, 32), measuring, auto_extend=True)
    assert series.is_extended
    assert len(series.cells) > 2


def test_processes_are_added_while_the_figures_are_uncertain() -> None:
    measuring = Measuring(processes=3, values=2, value_seconds=0.001)
    moody = algorithm("moody_total", max_size=1024)
    series = measure(moody, (128, 256, 512, 1024), measuring, auto_extend=True)
    assert series.is_extended
    assert max(len(cell.processes) for cell in series.cells) > 3


def test_values_of_a_process_are_taken_in_several_visits() -> None:
    measuring = Measuring(processes=2, values=10, value_seconds=0.001)
    series = measure(algorithm("right_total"), (10, 1000), measuring)
    assert [len(values) for cell in series.cells for values in cell.processes] == [10] * 4
