"""The short request for a comparison becomes a job."""

from typing import Any

import msgspec
import pytest

from tensorfleet.kinds.profile.plan import Order
from tensorfleet.kinds.registry import find_kind
from tensorfleet.shared.rest.jobs import CreateJob

PROFILE = find_kind("profile")


def job(**document: Any) -> CreateJob:
    form = msgspec.convert(document, PROFILE.forms["compare"])
    made: dict[str, Any] = form.to_job()  # type: ignore[attr-defined]
    # As REST takes it: from JSON, without unknown fields.
    return msgspec.json.decode(msgspec.json.encode(made), type=CreateJob)


def order(created: CreateJob) -> Order:
    (task,) = PROFILE.plan(PROFILE.parse_spec(created.spec))
    return msgspec.convert(task.payload, Order)


def test_two_names_are_enough() -> None:
    created = job(a="quick_sort", b="merge_sort")
    assert (created.kind, created.name) == ("profile", "quick_sort against merge_sort")
    asked = order(created)
    assert asked.b is not None
    assert (asked.a.name, asked.b.name, asked.input) == ("quick_sort", "merge_sort", "random")


def test_a_comparison_has_many_rounds_of_short_values_unless_told_otherwise() -> None:
    measuring = order(job(a="quick_sort", b="merge_sort")).measuring
    assert (measuring.processes, measuring.values) == (30, 20)
    measuring = order(job(a="quick_sort", b="merge_sort", measuring={"values": 1})).measuring
    assert (measuring.processes, measuring.values) == (30, 1)
    measuring = order(job(a="quick_sort", b="merge_sort", measuring={"processes": 12})).measuring
    assert (measuring.processes, measuring.values) == (12, 20)


def test_everything_that_is_asked_is_in_the_job() -> None:
    own = {"name": "own", "function": "m:f", "code": "b" * 64}
    created = job(
        a="module:f",
        b=own,
        inputs=["sorted"],
        sizes=[10, 20],
        seed=4,
        check_outputs=False,
        environment={"A": "1"},
        code="a" * 64,
        name="mine",
        priority="high",
        labels={"x": "y"},
        resources={"cpus": 2, "memory": "2GiB"},
    )
    assert (created.name, created.code, created.priority) == ("mine", "a" * 64, "high")
    assert (created.labels, created.resources.cpus) == ({"x": "y"}, 2)
    assert created.resources.memory == "2GiB"
    asked = order(created)
    assert (asked.input, asked.sizes, asked.seed) == ("sorted", (10, 20), 4)
    assert asked.check_outputs is False
    assert asked.b is not None
    assert asked.b.code == "b" * 64


@pytest.mark.parametrize(
    "document",
    [
        {"a": "quick_sort"},
        {"a": "quick_sort", "b": 5},
        {"a": "quick_sort", "b": "tim_sort", "c": "heap_sort"},
        {"a": "quick_sort", "b": "tim_sort", "measuring": {"rounds": 5}},
        {"a": "quick_sort", "b": "tim_sort", "priority": "urgent"},
    ],
)
def test_a_wrong_request_is_refused(document: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError):
        job(**document)
