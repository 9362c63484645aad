"""Right answers up to rounding, by NumPy and in another way than the algorithms find theirs."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tensorfleet.kinds.profile.algorithms.learning_sizes import (
    CLUSTERS,
    COMPONENTS,
    ITERATIONS,
    NEIGHBOURS,
)

Floats = NDArray[np.float64]
Complexes = NDArray[np.complex128]


def product_by_blas(a: Floats, b: Floats) -> Floats:
    """For the loops in Python."""
    return a @ b


def product_by_sums(a: Floats, b: Floats) -> Floats:
    """For BLAS: plain loops in C."""
    product: Floats = np.einsum("ij,jk->ik", a, b, optimize=False)
    return product


def spectrum(signal: Sequence[complex]) -> Complexes:
    """The discrete Fourier transform, by pocketfft."""
    return np.fft.fft(np.asarray(signal))


def centres(points: Floats) -> Floats:
    """Lloyd's algorithm as k-means is asked to do it: from the first rows, so many steps."""
    found = points[: min(CLUSTERS, len(points))].copy()
    squares = (points**2).sum(axis=1)
    labels = np.zeros(0)
    for _ in range(ITERATIONS):
        distances = squares[:, None] - 2.0 * points @ found.T + (found**2).sum(axis=1)
        before, labels = labels, distances.argmin(axis=1)
        if np.array_equal(before, labels):
            break
        found = np.stack([points[labels == label].mean(axis=0) for label in range(len(found))])
    return found


def principal_components(points: Floats) -> tuple[Floats, Floats]:
    """From the covariance; the largest weight of each component is positive, as scikit-learn does.

    Variances (components,), directions (components, width).
    """
    count = min(COMPONENTS, len(points) - 1)
    variances, directions = np.linalg.eigh(np.cov(points, rowvar=False))
    variances, directions = variances[::-1][:count], directions.T[::-1][:count]
    largest = directions[np.arange(count), np.abs(directions).argmax(axis=1)]
    return variances, directions * np.sign(largest)[:, None]


def nearest_label(points: Floats, labels: NDArray[Any], queries: Floats) -> NDArray[Any]:
    """Of each query, by the distances to all rows; of two labels as frequent, the lower."""
    count = min(NEIGHBOURS, len(points))
    answers = []
    for query in queries:
        nearest = np.argpartition(((points - query) ** 2).sum(axis=1), count - 1)[:count]
        kinds, votes = np.unique(labels[nearest], return_counts=True)
        answers.append(kinds[votes.argmax()])
    return np.array(answers)


def least_squares(points: Floats, targets: Floats) -> tuple[Floats, float]:
    """By the normal equations of the centred table; the shortest of several solutions."""
    middle = points.mean(axis=0)
    centred = points - middle
    squares = np.linalg.pinv(centred.T @ centred, rcond=1e-10, hermitian=True)
    coefficients: Floats = squares @ (centred.T @ (targets - targets.mean()))
    return coefficients, float(targets.mean() - middle @ coefficients)
