"""What the target app computes, for real, and how much of it it takes at once."""

import time
from collections.abc import Callable

from tensorfleet.shared.errors import InvalidInput

MOST_FIBONACCI = 36
"""Some seconds of recursion; a server that can be made to compute for hours serves nobody."""
MOST_DOUBLINGS = 12
"""4096 elements, some seconds of bubble sort."""
MOST_MILLISECONDS = 60_000.0


def fibonacci(number: int) -> int:
    """The number-th Fibonacci number, recursively: 1.6 times the work for each more."""
    return number if number < 2 else fibonacci(number - 1) + fibonacci(number - 2)


def bubble_sort(values: list[int]) -> None:
    """Sorts in place; of n reversed elements n(n-1)/2 exchanges."""
    for end in range(len(values) - 1, 0, -1):
        has_swapped = False
        for place in range(end):
            if values[place] > values[place + 1]:
                values[place], values[place + 1] = values[place + 1], values[place]
                has_swapped = True
        if not has_swapped:
            return


def compute(task: str, argument: str) -> tuple[str, float]:
    """Does a task of the target app. Returns its answer as JSON, and the seconds that it took.

    Raises:
        InvalidInput: The argument is no whole number, or asks for too much.
    """
    work, most = _TASKS[task]
    number = _whole(argument, most)
    started = time.perf_counter()
    answer = work(number)
    seconds = time.perf_counter() - started
    return f'{{"{task}":{number},"answer":{answer}}}', seconds


def is_task(name: str) -> bool:
    """Whether `compute` knows it."""
    return name in _TASKS


def milliseconds(argument: str) -> float:
    """A duration.

    Raises:
        InvalidInput: It is no number, or out of range.
    """
    try:
        value = float(argument)
    except ValueError:
        value = -1.0
    if not 0 <= value <= MOST_MILLISECONDS:
        raise InvalidInput(f"give milliseconds from 0 to {MOST_MILLISECONDS:g}")
    return value


def _whole(argument: str, most: int) -> int:
    # isdecimal alone takes digits of other scripts, and int takes "1_0".
    is_number = len(argument) <= 4 and argument.isascii() and argument.isdecimal()
    number = int(argument) if is_number else -1
    if not 0 <= number <= most:
        raise InvalidInput(f"give a whole number from 0 to {most}")
    return number


def _sorted_smallest(doublings: int) -> int:
    values = list(range(2**doublings, 0, -1))
    bubble_sort(values)
    return values[0]


_TASKS: dict[str, tuple[Callable[[int], int], int]] = {
    "fibonacci": (fibonacci, MOST_FIBONACCI),
    "bubble-sort": (_sorted_smallest, MOST_DOUBLINGS),
}
