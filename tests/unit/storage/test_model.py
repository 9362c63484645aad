"""What may be said of a model version."""

import math

import pytest

from tensorfleet.shared.errors import InvalidInput
from tensorfleet.storage.model import (
    MAX_METRICS,
    MAX_SIGNATURE_BYTES,
    check_metrics,
    check_signature,
)


@pytest.mark.parametrize("text", ["{}", '{"inputs": [], "outputs": []}'])
def test_object_is_a_signature(text: str) -> None:
    assert check_signature(text) == text


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "1", "[" * 100_000, " " * MAX_SIGNATURE_BYTES + "{}"]
)
def test_anything_else_is_no_signature(text: str) -> None:
    with pytest.raises(InvalidInput, match="signature_json"):
        check_signature(text)


def test_numbers_that_are_not_finite_are_metrics() -> None:
    assert check_metrics({"loss": math.inf}) == {"loss": math.inf}


@pytest.mark.parametrize(
    "metrics", [{"": 1.0}, {"x" * 257: 1.0}, dict.fromkeys(map(str, range(MAX_METRICS + 1)), 1.0)]
)
def test_metrics_with_bad_names_or_too_many_are_refused(metrics: dict[str, float]) -> None:
    with pytest.raises(InvalidInput):
        check_metrics(metrics)
