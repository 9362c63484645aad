"""Multiplying square matrices, by hand and by the processor's best library."""

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]  # (n, n) float64


def matrix_multiply_naive(a: Matrix, b: Matrix) -> list[list[float]]:
    """Three nested loops in Python. Rows of the product, as lists."""
    left: list[list[float]] = a.tolist()
    right: list[list[float]] = b.tolist()
    places = range(len(right))
    product = []
    for row in range(len(left)):
        line = []
        for column in places:
            total = 0.0
            for place in places:
                total += left[row][place] * right[place][column]
            line.append(total)
        product.append(line)
    return product


def matrix_multiply_blas(a: Matrix, b: Matrix) -> Matrix:
    """NumPy's, which calls BLAS. It uses as many threads as the task has cores."""
    product: Matrix = np.matmul(a, b)
    return product
