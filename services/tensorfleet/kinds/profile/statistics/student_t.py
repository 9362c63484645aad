"""Student's t distribution, as far as intervals of few processes need it."""

import math


def central_area(t: float, degrees: int) -> float:
    """The probability of a value between -t and t.

    The finite series for whole degrees of freedom: Abramowitz and Stegun, Handbook of Mathematical
    Functions (1964), 26.7.3 and 26.7.4.
    """
    if degrees < 1:
        raise ValueError("Student's t has at least one degree of freedom")
    theta = math.atan(t / math.sqrt(degrees))
    cosine = math.cos(theta)
    is_odd = degrees % 2 == 1
    term = cosine if is_odd else 1.0
    total = term if degrees > 1 else 0.0
    for k in range(3 if is_odd else 2, degrees - 1, 2):
        term *= cosine * cosine * (k - 1) / k
        total += term
    if is_odd:
        return 2.0 / math.pi * (theta + math.sin(theta) * total)
    return math.sin(theta) * total


def two_sided_quantile(confidence: float, degrees: int) -> float:
    """The t for which values between -t and t have this probability."""
    low, high = 0.0, 2.0
    while central_area(high, degrees) < confidence:
        high *= 2.0
    for _ in range(80):
        middle = (low + high) / 2.0
        if central_area(middle, degrees) < confidence:
            low = middle
        else:
            high = middle
    return (low + high) / 2.0
