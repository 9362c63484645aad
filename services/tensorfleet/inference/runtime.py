"""What runs models, as the rest of the service sees it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from tensorfleet.inference.signature import Signature
from tensorfleet.inference.tensor import Tensor


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """What a model answered, in the order of its signature, and how long it took."""

    outputs: tuple[Tensor, ...]
    compute_seconds: float


class RunnableModel(Protocol):
    """A model in memory; it goes when nothing refers to it any more."""

    @property
    def signature(self) -> Signature:
        """What it takes and gives."""


class ModelRuntime(Protocol):
    """Loads and runs models, off the event loop."""

    async def load(self, folder: Path) -> RunnableModel:
        """The model of a folder with `model.pt2` and `signature.json`.

        Raises:
            ModelNotServable: The files are not a model that can be run.
            Unavailable: There is no memory for it, or the files have gone.
        """

    async def run(self, model: RunnableModel, inputs: Sequence[Tensor]) -> Prediction:
        """Runs a model once; predictions wait for each other.

        Args:
            inputs: As `tensor.match_inputs` gives them for the model's signature.

        Raises:
            InvalidInput: An element cannot be converted without loss, or the model cannot compute
                on these numbers.
            ModelNotServable: The model gave something else than its signature says.
            TooLarge: The outputs do not fit into one message.
        """

    async def collect_garbage(self) -> None:
        """Frees the memory of models that nothing refers to."""
