"""Whether a training task delivered what its job promised."""

from tensorfleet.kinds.outcome import OutputType, ProducedOutput, Shortfall
from tensorfleet.kinds.train.spec import Spec


def judge(spec: Spec, outputs: tuple[ProducedOutput, ...]) -> Shortfall | None:
    """A promised model must have been saved under its name."""
    if spec.model is None:
        return None
    saved = {output.name for output in outputs if output.type is OutputType.MODEL_VERSION}
    if spec.model in saved:
        return None
    return Shortfall(
        reason="MISSING_RESULT",
        message=f"the script ended without saving the model {spec.model!r} that the job promises; "
        f'call run.save_model(model, name="{spec.model}", ...) before it ends, or remove '
        "spec.model from the job",
    )
