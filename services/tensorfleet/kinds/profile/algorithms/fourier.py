"""The discrete Fourier transform, by its definition and fast, both in Python.

Libraries choose among several methods by length and are bound by memory: over the lengths that can
be measured in seconds theirs looks linear, and would teach nobody what n log n means.
"""

import cmath
from collections.abc import Sequence

SMALL = 4
"""Parts of up to so many values are transformed by the definition."""


def dft(signal: Sequence[complex]) -> list[complex]:
    """By the definition: every value of the answer sums over the whole signal."""
    count = len(signal)
    roots = _roots(count, count)
    spectrum = []
    for frequency in range(count):
        total = 0j
        power = 0
        for value in signal:
            total += value * roots[power]
            power += frequency
            if power >= count:
                power -= count
        spectrum.append(total)
    return spectrum


def fft(signal: Sequence[complex]) -> list[complex]:
    """Halves the signal while its length is even, and puts the halves' transforms together.

    n log n steps for powers of two; other lengths have parts that go by the definition. Cooley and
    Tukey, "An algorithm for the machine calculation of complex Fourier series", 1965.
    """
    count = len(signal)
    if count <= SMALL or count % 2:
        return dft(signal)
    even, odd = fft(signal[::2]), fft(signal[1::2])
    turned = [value * root for value, root in zip(odd, _roots(count, count // 2), strict=True)]
    return [left + right for left, right in zip(even, turned, strict=True)] + [
        left - right for left, right in zip(even, turned, strict=True)
    ]


def _roots(count: int, wanted: int) -> list[complex]:
    """The first of the `count` roots of unity, clockwise."""
    step = -2j * cmath.pi / count
    return [cmath.exp(step * power) for power in range(wanted)]
