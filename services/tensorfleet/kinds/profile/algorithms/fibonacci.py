"""Fibonacci numbers modulo a prime: numbers that do not grow, so that each addition costs the same.

Without the modulus the n-th has 0.69 n bits, and adding up to it would be quadratic.
"""

MODULUS = 2**29 - 3
"""The largest prime whose sums fit into one digit of Python's integers."""


def fibonacci_recursive(number: int) -> int:
    """By the definition: every call makes two. The time grows by the golden ratio a step."""
    if number < 2:
        return number
    return (fibonacci_recursive(number - 1) + fibonacci_recursive(number - 2)) % MODULUS


def fibonacci_iterative(number: int) -> int:
    """By adding the last two, `number` times."""
    current, following = 0, 1
    for _ in range(number):
        current, following = following, (current + following) % MODULUS
    return current
