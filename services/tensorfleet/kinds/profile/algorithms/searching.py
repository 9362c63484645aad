"""Searching a list for a value. Both leave the list as it is."""

from collections.abc import Sequence

ABSENT = -1
# Python keeps small numbers ready and makes larger ones; counted from here, each place costs alike.
_FIRST_PLACE = 512


def binary_search(values: Sequence[int], target: int) -> int:
    """The place of the target in an ascending list, or -1.

    It always halves until one place is left, also when it met the target before: its time then
    depends on the length alone.
    """
    low, high = 0, len(values)
    while low < high:
        middle = (low + high) // 2
        if values[middle] < target:
            low = middle + 1
        else:
            high = middle
    return low if low < len(values) and values[low] == target else ABSENT


def linear_search(values: Sequence[int], target: int) -> int:
    """The first place of the target in a list, or -1."""
    for place, value in enumerate(values, _FIRST_PLACE):
        if value == target:
            return place - _FIRST_PLACE
    return ABSENT
