"""Pictures of profile results."""

import xml.etree.ElementTree as ET

import pytest

from tensorfleet.kinds.profile.plots import PLOTS, plot
from tensorfleet.kinds.profile.spec import Spec
from tensorfleet.kinds.task_result import TaskResult
from tensorfleet.shared.errors import InvalidInput
from tests.unit.kinds.profile.results_by_hand import comparison, series, task

SPEC = Spec(algorithms=("a",))
RESULTS = [
    task(series("quick", lambda n: 1e-7 * n, memory=lambda n: 8 * n), 0),
    task(series("slow", lambda n: 1e-8 * n * n, sizes=(256, 1024, 4096)), 1),
    task(comparison([1.0, 1.2, 0.7]), 2),
]


@pytest.mark.parametrize("name", PLOTS)
def test_pictures_are_of_their_format_and_equal_for_equal_results(name: str) -> None:
    png = plot(name, SPEC, RESULTS, "png", {})
    assert png.startswith(b"\x89PNG\r\n")
    svg = plot(name, SPEC, RESULTS, "svg", {})
    assert ET.fromstring(svg).tag.endswith("svg")  # noqa: S314 - made here
    assert b"date" not in svg
    assert svg == plot(name, SPEC, RESULTS, "svg", {})
    assert png == plot(name, SPEC, RESULTS, "png", {})


def test_only_the_chosen_algorithms_are_drawn() -> None:
    everything = plot("time", SPEC, RESULTS, "svg", {})
    one = plot("time", SPEC, RESULTS, "svg", {"algorithms": "quick"})
    assert one == plot("time", SPEC, RESULTS[:1], "svg", {})
    assert one != everything


def test_violin_is_of_the_chosen_size() -> None:
    assert plot("violin", SPEC, RESULTS, "svg", {"size": "256"}) != plot(
        "violin", SPEC, RESULTS, "svg", {"size": "4096"}
    )


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("time", {"colour": "red"}, "colour is unknown"),
        ("time", {"size": "256"}, "size is unknown to time"),
        ("violin", {"size": "large"}, "whole number"),
        ("violin", {"size": "257"}, "not measured; there are: 256"),
        ("time", {"algorithms": "bogo"}, "measured are the algorithms new, old, quick, slow"),
        ("comparison", {"inputs": "sorted"}, "no measured comparison fits"),
        ("memory", {"algorithms": "slow"}, "no call needed memory"),
    ],
)
def test_what_cannot_be_drawn_is_refused(name: str, options: dict[str, str], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        plot(name, SPEC, RESULTS, "png", options)


@pytest.mark.parametrize("name", PLOTS)
def test_nothing_can_be_drawn_before_a_task_has_succeeded(name: str) -> None:
    with pytest.raises(InvalidInput, match="nothing to draw yet"):
        plot(name, SPEC, [TaskResult(index=0, state="running")], "png", {})


def test_other_formats_are_refused() -> None:
    with pytest.raises(InvalidInput, match="png or svg"):
        plot("time", SPEC, RESULTS, "pdf", {})


def test_one_size_one_process_and_many_algorithms_can_be_drawn() -> None:
    many = [
        task(series(f"a{index}", lambda n: 1e-7 * n, sizes=(100,), seed=index), index)
        for index in range(20)
    ]
    for name in ("time", "violin"):
        assert plot(name, SPEC, many, "png", {})
