"""The discrete Fourier transform, by its definition and fast, both in Python.

Libraries choose among several methods by length and are bound by memory: over the lengths that can
be measured in seconds theirs looks linear, and would teach nobody what n log n means.
"""

import cmath
from collections.abc import Sequence


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
    """Puts the transforms of interleaved parts together, two by two.

    n log n steps for powers of two; the odd factor of other lengths goes by the definition. Cooley
    and Tukey, "An algorithm for the machine calculation of complex Fourier series", 1965; in
    Stockham's order, which needs no sorting, and in one loop a pass, so that all passes cost the
    same.
    """
    count = len(signal)
    parts = count & -count
    if parts == count:
        mixed = list(signal)
    else:
        spectra = [dft(signal[start::parts]) for start in range(parts)]
        mixed = [value for values in zip(*spectra, strict=True) for value in values]
    roots = _roots(count, count // 2)
    # A row for each frequency, in it a column for each part; every pass halves the columns.
    while parts > 1:
        parts //= 2
        sums, differences = [], []
        for pair in range(count // 2):
            before = pair // parts * parts
            place = before + pair
            even = mixed[place]
            turned = roots[before] * mixed[place + parts]
            sums.append(even + turned)
            differences.append(even - turned)
        mixed = sums + differences
    return mixed


def _roots(count: int, wanted: int) -> list[complex]:
    """The first of the `count` roots of unity, clockwise."""
    step = -2j * cmath.pi / count
    return [cmath.exp(step * power) for power in range(wanted)]
