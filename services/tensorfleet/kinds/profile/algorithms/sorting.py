"""Sorting algorithms. All of them leave their input as it is and return a sorted copy.

The copy costs a few nanoseconds an element, and spares those who measure a fresh input for each
call. Quick and merge sort finish small parts by insertion, as is usual: a call for each single
element would otherwise hide the logarithm.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence

SMALL_TO_SPLIT = 12
"""Quick sort leaves parts of up to so many elements to insertion."""
LARGE_TO_SPLIT = 32
"""Of parts from so many elements on, it takes its pivot from nine of them."""
SMALL_TO_HALVE = 4
"""Merge sort leaves so many elements to insertion."""
SHORT_RUN = 16
"""Tim sort makes runs at least half as long as this."""


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
    """Hoare's, with a median of few as pivot and without recursion.

    Both scans stop at elements equal to the pivot, so that neither sorted inputs nor those with few
    different values make it quadratic: Sedgewick, "Implementing Quicksort programs", 1978. In large
    parts the pivot is the median of three medians of three, which leaves less to luck: Bentley and
    McIlroy, "Engineering a sort function", 1993.
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
    """Finds runs that are in order already, and merges neighbours of similar length.

    As Peters made it for Python in 2002 (Objects/listsort.txt of CPython), less the galloping
    within a merge. Python's own, in C, is too quick for the logarithm to show: the processor
    learns the comparisons of a short list by heart, and a long one leaves its caches.
    """
    ordered = list(values)
    least = _least_run(len(ordered))
    bounds = [0]
    while bounds[-1] < len(ordered):
        start = bounds[-1]
        end = _run_end(ordered, start)
        wanted = min(start + least, len(ordered))
        if end < wanted:
            _insert_all(ordered, start, wanted - 1)
            end = wanted
        bounds.append(end)
        _merge_the_uneven(ordered, bounds)
    while len(bounds) > 2:
        _merge_runs(ordered, bounds, len(bounds) - 3)
    return ordered


def _least_run(count: int) -> int:
    """So that the count is nearly a power of two times this."""
    has_rest = 0
    while count >= SHORT_RUN:
        has_rest |= count & 1
        count >>= 1
    return count + has_rest


def _run_end(ordered: list[int], start: int) -> int:
    """Where the run that begins here ends; one that falls is turned round."""
    count = len(ordered)
    end = start + 1
    if end == count:
        return end
    if ordered[start] > ordered[end]:
        # Equal elements keep their order: they end a run that falls.
        while end < count and ordered[end - 1] > ordered[end]:
            end += 1
        ordered[start:end] = reversed(ordered[start:end])
    else:
        while end < count and ordered[end - 1] <= ordered[end]:
            end += 1
    return end


def _merge_the_uneven(ordered: list[int], bounds: list[int]) -> None:
    """Merges until each run is longer than the next two together, as lengths of a balanced tree.

    The last four runs have to be looked at: de Gouw and others, "OpenJDK's java.utils.Collection
    .sort() is broken", 2015.
    """
    while len(bounds) > 2:
        lengths = [bounds[-k] - bounds[-k - 1] for k in range(1, min(5, len(bounds)))]
        last, before = lengths[0], lengths[1]
        is_uneven = (len(lengths) > 2 and lengths[2] <= before + last) or (
            len(lengths) > 3 and lengths[3] <= lengths[2] + before
        )
        if is_uneven and lengths[2] < last:
            _merge_runs(ordered, bounds, len(bounds) - 4)
        elif is_uneven or before <= last:
            _merge_runs(ordered, bounds, len(bounds) - 3)
        else:
            break


def _merge_runs(ordered: list[int], bounds: list[int], at: int) -> None:
    """Merges the run between the bounds at this place and the next with the one after it."""
    start, middle, end = bounds[at : at + 3]
    del bounds[at + 1]
    # What stands in its place already at both ends need not be looked at one by one.
    start = bisect_right(ordered, ordered[middle], start, middle)
    if start < middle:
        end = bisect_left(ordered, ordered[middle - 1], middle, end)
        ordered[start:end] = _merged(ordered[start:middle], ordered[middle:end])


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
    pivot = _pivot(ordered, low, high)
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


def _pivot(ordered: list[int], low: int, high: int) -> int:
    middle = (low + high) // 2
    if high - low < LARGE_TO_SPLIT:
        return _median(ordered[low], ordered[middle], ordered[high])
    step = (high - low) // 8
    return _median(
        _median(ordered[low], ordered[low + step], ordered[low + 2 * step]),
        _median(ordered[middle - step], ordered[middle], ordered[middle + step]),
        _median(ordered[high - 2 * step], ordered[high - step], ordered[high]),
    )


def _median(first: int, second: int, third: int) -> int:
    if first > third:
        first, third = third, first
    if second < first:
        return first
    return min(second, third)


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
