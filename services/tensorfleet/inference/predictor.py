"""From a request to a prediction: find the version, have it in memory, check the inputs, run."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from tensorfleet.inference.loaded_models import LoadedModel, LoadedModels
from tensorfleet.inference.registered_version import RegisteredVersion
from tensorfleet.inference.runtime import ModelRuntime, Prediction
from tensorfleet.inference.tensor import Tensor, match_inputs


class Registry(Protocol):
    """Where versions are looked up."""

    async def resolve(self, project: str, model: str, version: int) -> RegisteredVersion:
        """The version with this number; zero means the one in production, or the newest.

        Raises:
            ModelNotFound: No such model or version.
            Unavailable: The registry does not answer.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A prediction, and the version that made it."""

    version: RegisteredVersion
    prediction: Prediction


class Predictor:
    """Answers with registered models."""

    def __init__(self, *, registry: Registry, models: LoadedModels, runtime: ModelRuntime) -> None:
        self._registry = registry
        self._models = models
        self._runtime = runtime

    async def load(self, project: str, model: str, version: int) -> LoadedModel:
        """The version (zero as in `Registry.resolve`), in memory.

        Raises:
            ModelNotFound: No such model or version.
            ModelNotServable: It cannot be run.
            Unavailable: Something needed does not answer.
        """
        return await self._models.get(await self._registry.resolve(project, model, version))

    async def predict(
        self, project: str, model: str, version: int, inputs: Sequence[Tensor]
    ) -> Answer:
        """Runs a version on a batch.

        Raises:
            ModelNotFound, ModelNotServable, Unavailable: As `load`.
            InvalidInput: The inputs do not fit the model.
            TooLarge: The outputs do not fit into one message.
        """
        loaded = await self.load(project, model, version)
        ordered = match_inputs(loaded.model.signature.inputs, inputs)
        prediction = await self._runtime.run(loaded.model, ordered)
        return Answer(version=loaded.version, prediction=prediction)
