"""Sorting algorithms. All of them leave their input as it is and return a sorted copy.

The copy costs a few nanoseconds an element, and spares those who measure a fresh input for each
call. Quick and merge sort finish small parts by insertion, as is usual: a call for each single
element would otherwise hide the logarithm.
"""

from collections.abc import Sequence

SMALL_TO_SPLIT = 8
"""Quick sort leaves parts of up to so many elements to insertion."""
SMALL_TO_HALVE = 4
"""Merge sort too."""


def bubble_sort(values: Sequence[int]) -> list[int]:
    """Swaps neighbours until none is out of order; knows that what was not swapped is in place."""
    ordered = list(values)
    unsettled = len(ordered)
    while unsettled > 1:
        last_swap = 0
        for index in range(1, unsettled):
            if ordered[index - 1] > ordered[index]:
                ordered[index - 1], ordered[index] = ordered[index], ordered[index - 1]
                last_swap = index
        unsettled = last_swap
    return ordered


def insertion_sort(values: Sequence[int]) -> list[int]:
    """Puts each element into its place among those before it."""
    ordered = list(values)
    _insert_all(ordered, 0, len(ordered) - 1)
    return ordered


def quick_sort(values: Sequence[int]) -> list[int]:
    """Hoare's, with the median of three as pivot and without recursion.

    Both scans stop at elements equal to the pivot, so that neither sorted inputs nor those with few
    different values make it quadratic. See Sedgewick, "Implementing Quicksort programs", 1978.
    """
    ordered = list(values)
    pending = [(0, len(ordered) - 1)]
    while pending:
        low, high = pending.pop()
        while high - low >= SMALL_TO_SPLIT:
            left, right = _partition(ordered, low, high)
            # The larger part waits: at most log2 n of them do.
            if right - low < high - left:
                pending.append((left, high))
                high = right
            else:
                pending.append((low, right))
                low = left
        _insert_all(ordered, low, high)
    return ordered


def merge_sort(values: Sequence[int]) -> list[int]:
    """Sorts both halves and merges them."""
    if len(values) <= SMALL_TO_HALVE:
        return insertion_sort(values)
    middle = len(values) // 2
    return _merged(merge_sort(values[:middle]), merge_sort(values[middle:]))


def heap_sort(values: Sequence[int]) -> list[int]:
    """Takes the largest from a heap, again and again.

    An element that sinks goes all the way down first and then climbs to its place, which needs
    half the comparisons: Wegener, "Bottom-up heapsort", 1993.
    """
    heap = list(values)
    for start in range(len(heap) // 2 - 1, -1, -1):
        _sink(heap, start, len(heap), heap[start])
    for end in range(len(heap) - 1, 0, -1):
        value = heap[end]
        heap[end] = heap[0]
        _sink(heap, 0, end, value)
    return heap


def tim_sort(values: Sequence[int]) -> list[int]:
    """Python's own: it merges the runs that it finds. See CPython's Objects/listsort.txt."""
    return sorted(values)


def _insert_all(ordered: list[int], low: int, high: int) -> None:
    for index in range(low + 1, high + 1):
        value = ordered[index]
        place = index
        while place > low and ordered[place - 1] > value:
            ordered[place] = ordered[place - 1]
            place -= 1
        ordered[place] = value


def _partition(ordered: list[int], low: int, high: int) -> tuple[int, int]:
    """Afterwards `low` to `right` are at most the pivot, `left` to `high` at least that."""
    first, pivot, last = ordered[low], ordered[(low + high) // 2], ordered[high]
    if first > last:
        first, last = last, first
    if pivot < first:
        pivot = first
    elif pivot > last:
        pivot = last
    left, right = low, high
    while left <= right:
        while ordered[left] < pivot:
            left += 1
        while ordered[right] > pivot:
            right -= 1
        if left <= right:
            ordered[left], ordered[right] = ordered[right], ordered[left]
            left += 1
            right -= 1
    return left, right


def _merged(left: list[int], right: list[int]) -> list[int]:
    merged: list[int] = []
    at_left = at_right = 0
    while at_left < len(left) and at_right < len(right):
        if right[at_right] < left[at_left]:
            merged.append(right[at_right])
            at_right += 1
        else:
            merged.append(left[at_left])
            at_left += 1
    merged.extend(left[at_left:])
    merged.extend(right[at_right:])
    return merged


def _sink(heap: list[int], start: int, end: int, value: int) -> None:
    """Puts the value into the heap below `start`, whose own value is already elsewhere."""
    hole = start
    child = 2 * hole + 1
    while child < end:
        if child + 1 < end and heap[child] < heap[child + 1]:
            child += 1
        heap[hole] = heap[child]
        hole = child
        child = 2 * hole + 1
    while hole > start:
        parent = (hole - 1) // 2
        if heap[parent] >= value:
            break
        heap[hole] = heap[parent]
        hole = parent
    heap[hole] = value
