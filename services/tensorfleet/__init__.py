"""TensorFleet: one fleet for machine-learning work. The public SDK surface.

`init()` gives a training script its run: parameters, datasets, metrics, checkpoints, models, with
or without a fleet. `Client` talks to a fleet's gateway. `algorithm` marks a function as one that
can be profiled.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tensorfleet.kinds.profile.algorithms.declaration import algorithm
    from tensorfleet.sdk.client import Client
    from tensorfleet.sdk.run import Run, init

__all__ = ["Client", "Run", "__version__", "algorithm", "init"]

__version__ = "0.1.0"

_HOMES = {
    "Client": "tensorfleet.sdk.client",
    "Run": "tensorfleet.sdk.run",
    "algorithm": "tensorfleet.kinds.profile.algorithms.declaration",
    "init": "tensorfleet.sdk.run",
}


def __getattr__(name: str) -> Any:
    # Lazily, because every service and every task's process imports this package too.
    if name not in _HOMES:
        raise AttributeError(f"module 'tensorfleet' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)
