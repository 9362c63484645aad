"""Generators make what they are named after, and the same everywhere."""

import subprocess
import sys
from itertools import pairwise

import pytest

from tensorfleet.kinds.profile.algorithms import inputs
from tensorfleet.kinds.profile.algorithms.inputs import GENERATORS
from tensorfleet.kinds.profile.algorithms.loader import find
from tensorfleet.kinds.profile.algorithms.outputs import same

LISTS = ("random", "sorted", "reversed", "few_unique", "nearly_sorted")


@pytest.mark.parametrize("name", GENERATORS)
def test_the_same_size_and_seed_give_the_same_and_others_do_not(name: str) -> None:
    generate = find(GENERATORS[name], "the generator")
    arguments = generate(50, 3)
    assert isinstance(arguments, tuple)
    assert same(arguments, generate(50, 3))
    assert not same(arguments, generate(51, 3))
    if name != "number":
        assert not same(arguments, generate(50, 4))


def test_another_process_with_another_hash_seed_makes_the_same() -> None:
    program = (
        "from tensorfleet.kinds.profile.algorithms import inputs as i\n"
        "print(i.random_list(5, 1), i.nearly_sorted_list(9, 2), i.signal(2, 1),\n"
        "      i.matrices(2, 1)[0].tolist())"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={"PYTHONHASHSEED": "77"},
        capture_output=True,
        text=True,
        check=True,
    )
    here = (
        inputs.random_list(5, 1),
        inputs.nearly_sorted_list(9, 2),
        inputs.signal(2, 1),
        inputs.matrices(2, 1)[0].tolist(),
    )
    assert done.stdout.strip() == " ".join(map(str, here))


def test_lists_never_change_from_version_to_version() -> None:
    assert inputs.random_list(4, 1) == ([594513012, 177902625, 155590421, 914762796],)
    assert inputs.sorted_list(4, 1) == ([7, 14, 21, 24],)


@pytest.mark.parametrize("name", LISTS)
def test_a_list_has_its_size_and_whole_numbers_of_one_digit(name: str) -> None:
    for size in (1, 2, 9, 1000):
        (values,) = find(GENERATORS[name], "the generator")(size, 1)
        assert len(values) == size
        assert all(isinstance(value, int) and 0 <= value < 2**30 for value in values)


def test_lists_are_ordered_as_their_names_say() -> None:
    (ascending,) = inputs.sorted_list(500, 1)
    assert all(a < b for a, b in pairwise(ascending))
    (descending,) = inputs.reversed_list(500, 1)
    assert all(a > b for a, b in pairwise(descending))
    (shuffled,) = inputs.random_list(500, 1)
    assert 150 < sum(a < b for a, b in pairwise(shuffled)) < 350


@pytest.mark.parametrize("size", [16, 64, 500, 2_047])
def test_a_random_list_is_as_far_out_of_order_as_such_lists_are_on_average(size: int) -> None:
    pairs = size * (size - 1) / 2
    for seed in range(5):
        (values,) = inputs.random_list(size, seed)
        wrong = sum(
            values[first] > values[second] for second in range(size) for first in range(second)
        )
        assert wrong / pairs == pytest.approx(0.5, abs=0.01)


def test_few_unique_are_ten_values() -> None:
    assert len(set(inputs.few_unique_list(1000, 1)[0])) == inputs.UNIQUE_VALUES


def test_in_a_nearly_sorted_list_none_is_more_than_seven_places_away() -> None:
    (values,) = inputs.nearly_sorted_list(1001, 1)
    places = {value: place for place, value in enumerate(sorted(values))}
    distances = [abs(places[value] - place) for place, value in enumerate(values)]
    assert 0 < max(distances) < inputs.BLOCK
    assert sum(distance > 0 for distance in distances) > 500


@pytest.mark.parametrize("seed", range(5))
def test_a_present_target_is_at_the_same_relative_place_whatever_the_size(seed: int) -> None:
    shares = []
    for size in (1000, 10_000):
        values, target = inputs.present_target(size, seed)
        shares.append(values.index(target) / size)
    assert shares[0] == pytest.approx(shares[1], abs=0.001)
    assert 0.5 <= shares[0] < 1


def test_an_absent_target_lies_within_the_list_but_is_not_in_it() -> None:
    for seed in range(5):
        values, target = inputs.absent_target(100, seed)
        assert target not in values
        assert values == sorted(values)
        assert values[0] < target <= values[-1] + 1


def test_tables_have_their_shapes() -> None:
    points, labels, queries = inputs.labelled_table(100, 1)
    assert (points.shape, labels.shape, queries.shape) == ((100, 16), (100,), (256, 16))
    assert set(labels.tolist()) == {0, 1}
    points, targets = inputs.target_table(100, 1)
    assert (points.shape, targets.shape) == ((100, 16), (100,))
    a, b = inputs.matrices(6, 1)
    assert a.shape == b.shape == (6, 6)
    assert not same(a, b)
