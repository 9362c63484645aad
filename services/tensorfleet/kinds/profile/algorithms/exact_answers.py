"""Right answers without rounding, found in another way than the algorithms find theirs."""

from collections.abc import Sequence

from tensorfleet.kinds.profile.algorithms.fibonacci import MODULUS


def place_of(values: Sequence[int], target: int) -> int:
    """The first place of the target, or -1."""
    return values.index(target) if target in values else -1


def fibonacci_number(number: int) -> int:
    """The Fibonacci number modulo 2²⁹ - 3, by fast doubling in log2 n steps.

    F(2k) = F(k) (2 F(k+1) - F(k)) and F(2k+1) = F(k)² + F(k+1)²: Knuth, The Art of Computer
    Programming, volume 1, 1.2.8.
    """
    current, following = 0, 1
    for bit in f"{number:b}":
        doubled = current * (2 * following - current) % MODULUS
        after = (current * current + following * following) % MODULUS
        current, following = (
            (after, (doubled + after) % MODULUS) if bit == "1" else (doubled, after)
        )
    return current
