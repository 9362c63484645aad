"""What profiles, comparisons and checks look like."""

import io
from collections.abc import Sequence

import pytest
from msgspec.structs import replace
from rich.console import Console, RenderableType

from tensorfleet.cli.profile_check import Gate, Verdict, limit_of
from tensorfleet.cli.profile_view import gate_table, print_report
from tensorfleet.cli.words import call_time
from tensorfleet.kinds.profile.measurement import Disturbance, Problem
from tensorfleet.kinds.profile.report import report
from tensorfleet.kinds.profile.spec import Spec
from tensorfleet.kinds.task_result import TaskResult
from tensorfleet.shared.errors import InvalidInput
from tests.unit.kinds.profile.results_by_hand import comparison, series, task

SPEC = Spec(algorithms=("a",))


def new_console() -> Console:
    return Console(file=io.StringIO(), width=160, markup=False, emoji=False, highlight=False)


def text_of(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def shown(results: Sequence[TaskResult]) -> str:
    console = new_console()
    print_report(console, report(SPEC, results, None, {}))
    return text_of(console)


def rendered(value: RenderableType) -> str:
    console = new_console()
    console.print(value)
    return text_of(console)


def test_series_has_its_times_its_class_and_a_bar_that_grows() -> None:
    text = shown([task(series("mine", lambda n: 1e-7 * n * n, expected="n²"))])
    assert "mine  on random" in text
    lines = [line for line in text.splitlines() if "━" in line]
    assert len(lines) == 9
    bars = [line.count("━") for line in lines]
    assert bars == sorted(bars)
    assert bars[0] < bars[-1]
    assert "O(n²)" in text
    assert "cannot tell" not in text


def test_class_that_differs_from_the_expected_one_is_said() -> None:
    text = shown([task(series("mine", lambda n: 1e-7 * n * n, expected="n log n"))])
    assert "expected O(n log n)" in text


def test_size_that_could_not_be_measured_says_why() -> None:
    whole = series("mine", lambda n: 1e-7 * n)
    broken = replace(
        whole.cells[-1],
        processes=(),
        error=Problem(code="TIMEOUT", message="it did not return within 60 s"),
    )
    text = shown([task(replace(whole, cells=(*whole.cells[:-1], broken)))])
    assert "TIMEOUT" in text
    assert "it did not return within 60 s" in text


def test_each_warning_is_said_once_with_its_sizes() -> None:
    whole = series("mine", lambda n: 1e-7 * n)
    busy = Disturbance(other_cpu_share=1.5)
    cells = tuple(replace(cell, disturbance=busy) for cell in whole.cells)
    text = shown([task(replace(whole, cells=cells))])
    assert text.count("DISTURBED") == 1
    assert "at 256, 512, 1,024" in text


def test_comparison_has_a_ratio_and_a_verdict_for_each_size() -> None:
    text = shown([task(comparison([1.0, 1.5]))])
    assert "no evidence of a difference" in text
    assert "slower" in text
    assert "× 1.5" in text


def test_task_without_a_result_is_named() -> None:
    failed = TaskResult(index=3, state="failed", message="the entrypoint is missing")
    assert "task 3: the entrypoint is missing" in shown([failed])


def verdict(**changes: object) -> Verdict:
    given = {
        "algorithm": "mine",
        "input": "random",
        "size": 1000,
        "ratio": 1.2,
        "low": 1.1,
        "high": 1.3,
        "has_passed": False,
        "message": "it takes 1.2 times as long",
        **changes,
    }
    return Verdict(**given)  # type: ignore[arg-type]


def gate(*verdicts: Verdict) -> Gate:
    return Gate(
        baseline="job-1",
        job="job-2",
        max_regression=0.05,
        verdicts=list(verdicts),
        is_interleaved=True,
    )


def test_gate_passes_when_everything_does() -> None:
    fine = verdict(has_passed=True, ratio=1.0)
    assert gate(fine).has_passed
    assert "none of 1 slower" in rendered(gate_table(gate(fine)))
    assert not gate(fine, verdict()).has_passed
    assert "1 of 2 slower" in rendered(gate_table(gate(fine, verdict())))


def test_gate_with_nothing_to_compare_does_not_pass() -> None:
    assert not gate().has_passed
    assert "nothing could be compared" in rendered(gate_table(gate()))


def test_junit_names_what_failed() -> None:
    text = gate(verdict(message='<"&>'), verdict(has_passed=True, size=10)).junit().decode()
    assert 'tests="2" failures="1"' in text
    assert 'classname="mine.random" name="size 1000"' in text
    assert "&lt;&quot;&amp;&gt;" in text


@pytest.mark.parametrize(("text", "share"), [("5%", 0.05), ("0.05", 0.05), ("12.5 %", 0.125)])
def test_share_is_read(text: str, share: float) -> None:
    assert limit_of(text) == pytest.approx(share)


@pytest.mark.parametrize("text", ["", "-1%", "fast", "nan", "%"])
def test_what_is_no_share_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match=r"write it like 5% or 0\.05"):
        limit_of(text)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(3.21e-8, "32.1 ns"), (4.5e-5, "45 µs"), (0.0123, "12.3 ms"), (9.87, "9.87 s"), (200, "3:20")],
)
def test_time_of_a_call_has_three_digits(seconds: float, text: str) -> None:
    assert call_time(seconds) == text
