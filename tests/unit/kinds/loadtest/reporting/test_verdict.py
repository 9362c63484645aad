"""What documents come to."""

import pytest
from msgspec.structs import replace

from tensorfleet.kinds.loadtest.record import Search, ThresholdResult
from tensorfleet.kinds.loadtest.reporting.verdict import measured_text, verdict, verdict_lines
from tests.unit.kinds.loadtest.documents_by_hand import document, point

KEPT = Search(parameter="rate", slo="p99<1s", best=200.0)


def test_document_passes_when_every_threshold_was_kept() -> None:
    assert verdict(document()) == "PASSED"
    assert verdict_lines(document()) == []


def test_broken_thresholds_fail_it_with_what_was_measured() -> None:
    whole = document(is_full=True)
    assert verdict(whole) == "FAILED"
    assert "errors<0.1% was broken at 300/s: measured 1.3 %" in verdict_lines(whole)


def test_generator_that_was_the_limit_goes_over_everything() -> None:
    broken = replace(document(point(is_valid=False)), interrupted=True)
    assert verdict(broken) == "INVALID"
    assert verdict_lines(broken)[0].startswith("200/s (run): GENERATOR_LATE: 12 %")


def test_search_may_pass_invalid_points_unless_they_ended_it() -> None:
    searched = document(point(is_valid=False, phase="search"), point(phase="final"))
    assert verdict(replace(searched, search=KEPT)) == "PASSED"
    assert verdict(replace(searched, search=replace(KEPT, limited_by="generator"))) == "INVALID"


def test_search_that_found_nothing_has_failed() -> None:
    assert verdict(replace(document(), search=replace(KEPT, best=None))) == "FAILED"


def test_interrupted_document_is_told_as_such() -> None:
    cut = replace(document(), interrupted=True)
    assert verdict(cut) == "INTERRUPTED"
    assert "interrupted" in verdict_lines(cut)[0]


@pytest.mark.parametrize(
    ("threshold", "measured", "text"),
    [
        ("p99<200ms", 0.25, "measured 250 ms"),
        ("errors<1%", 0.00004, "measured 0.004 %"),
        ("rate>450", 432.1, "measured 432/s"),
        ("best>450", 400.0, "found 400"),
        ("p99<1s", None, "nothing was measured"),
    ],
)
def test_measured_values_have_their_unit(threshold: str, measured: float | None, text: str) -> None:
    result = ThresholdResult(threshold=threshold, point="a", measured=measured, passed=False)
    assert measured_text(result) == text
