"""Machine learning with scikit-learn, on tables of a fixed width.

Nothing in them is left to chance: k-means begins with the first rows and makes a fixed number of
steps. They use as many threads as the task has cores. The library's checks of its arguments are
left out: they take as long as a thousand rows, whatever their number, and hide how the work grows.
"""

from collections.abc import Callable
from functools import cache, wraps
from typing import Any, ParamSpec, TypeVar

import numpy as np
from numpy.typing import NDArray
from sklearn import config_context
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.linear_model import LinearRegression
from sklearn.neighbors import NearestNeighbors

from tensorfleet.kinds.profile.algorithms.learning_sizes import (
    CLUSTERS,
    COMPONENTS,
    ITERATIONS,
    NEIGHBOURS,
)

Table = NDArray[np.float64]  # (rows, width) float64
# glibc adapts to blocks that were freed up to 32 MiB: mallopt(3), M_MMAP_THRESHOLD.
_LARGE_BLOCK_BYTES = 31 * 1024 * 1024
_P = ParamSpec("_P")
_R = TypeVar("_R")


def _unchecked(function: Callable[_P, _R]) -> Callable[_P, _R]:
    @wraps(function)
    def called(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        _keep_freed_memory()
        with config_context(assume_finite=True, skip_parameter_validation=True):
            return function(*args, **kwargs)

    return called


@cache
def _keep_freed_memory() -> None:
    """Lets the process keep what calls free, as in one that has worked for a while.

    In a fresh one, every call with more than some thousand rows would get its memory from the
    system anew, page by page: a step in the times that is none of the algorithm's.
    """
    block = np.empty(_LARGE_BLOCK_BYTES, dtype=np.uint8)
    del block


@_unchecked
def kmeans(points: Table) -> Table:
    """Three steps of Lloyd's algorithm from the first 32 rows. (clusters, width) centres."""
    clusters = min(CLUSTERS, len(points))
    model = KMeans(
        clusters,
        init=points[:clusters],
        n_init=1,
        max_iter=ITERATIONS,
        tol=0.0,
        algorithm="lloyd",
    )
    centres: Table = model.fit(points).cluster_centers_
    return centres


@_unchecked
def pca(points: Table) -> tuple[NDArray[Any], Table]:
    """The variances along the first four principal components, and these, by a full SVD.

    Raises:
        ValueError: There is only one row.
    """
    if len(points) < 2:
        raise ValueError("principal components need at least two rows: use sizes from 2")
    # The middle takes one row's worth: beyond the others, directions are arbitrary.
    components = min(COMPONENTS, len(points) - 1)
    model = PCA(components, svd_solver="full").fit(points)
    return model.explained_variance_, model.components_


@_unchecked
def knn(points: Table, labels: NDArray[Any], queries: Table) -> NDArray[Any]:
    """The label that most of the five nearest rows have, for each query, by brute force."""
    neighbours = min(NEIGHBOURS, len(points))
    model = NearestNeighbors(n_neighbors=neighbours, algorithm="brute").fit(points)
    nearest = model.kneighbors(queries, return_distance=False)  # (queries, neighbours) int64
    predicted: NDArray[Any] = (2 * labels[nearest].sum(axis=1) > neighbours).astype(labels.dtype)
    return predicted


@_unchecked
def linear_regression(points: Table, targets: NDArray[Any]) -> tuple[NDArray[Any], float]:
    """Least squares: the coefficients and the intercept."""
    model = LinearRegression().fit(points, targets)
    return model.coef_, float(model.intercept_)
