"""An algorithm of one's own, ready to be measured."""

import tensorfleet


@tensorfleet.algorithm(
    inputs=("random", "sorted"),
    sizes=(250, 500, 1000, 2000, 4000, 8000),
    expected={"random": "n log n", "sorted": "n log n"},
    reference=sorted,
)
def by_halves(values: list[int]) -> list[int]:
    """Sorts each half, then takes the smaller head of both again and again."""
    if len(values) < 2:
        return values
    middle = len(values) // 2
    left, right = by_halves(values[:middle]), by_halves(values[middle:])
    merged: list[int] = []
    i = j = 0
    while i < len(left) and j < len(right):
        if left[i] <= right[j]:
            merged.append(left[i])
            i += 1
        else:
            merged.append(right[j])
            j += 1
    return merged + left[i:] + right[j:]
