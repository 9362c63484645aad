"""Turns a torch module into files that the inference service runs without the module's code."""

import json
from pathlib import Path
from typing import Any

import torch

from tensorfleet.shared.errors import InvalidInput

MODEL_FILE = "model.pt2"
SIGNATURE_FILE = "signature.json"
FORMAT = "torch.export"

DTYPE_NAMES = {
    torch.bool: "bool",
    torch.uint8: "uint8",
    torch.int32: "int32",
    torch.int64: "int64",
    torch.float32: "float32",
    torch.float64: "float64",
}


def export_module(module: torch.nn.Module, example: torch.Tensor, folder: Path) -> dict[str, Any]:
    """Writes `model.pt2` and `signature.json` into the folder and returns the signature.

    The module is exported in evaluation mode, on the CPU, with its first dimension free. It keeps
    its own mode and device.

    Raises:
        InvalidInput: The module or the example cannot be exported; the message says why.
    """
    if example.dim() < 1 or example.shape[0] < 2:
        # torch.export takes a dimension of 1 for a constant.
        raise InvalidInput("example must have a batch of at least 2 rows in its first dimension")
    was_training = module.training
    device = next((p.device for p in module.parameters()), torch.device("cpu"))
    module.eval().cpu()
    try:
        batch = torch.export.Dim("batch")
        example = example.detach().cpu()
        try:
            program = torch.export.export(module, (example,), dynamic_shapes=({0: batch},))
            output = program.module()(example)
        except Exception as exc:
            raise InvalidInput(
                f"torch.export cannot export this module ({type(exc).__name__}: "
                f"{str(exc)[:500]}); give save_model a folder of your own files instead"
            ) from exc
        if not isinstance(output, torch.Tensor):
            raise InvalidInput("the module must return one tensor")
        torch.export.save(program, folder / MODEL_FILE)
    finally:
        module.to(device).train(was_training)
    signature = {
        "format": FORMAT,
        "inputs": [_tensor_signature("input", example)],
        "outputs": [_tensor_signature("output", output)],
    }
    (folder / SIGNATURE_FILE).write_text(json.dumps(signature, indent=2))
    return signature


def _tensor_signature(name: str, tensor: torch.Tensor) -> dict[str, Any]:
    if tensor.dtype not in DTYPE_NAMES:
        raise InvalidInput(f"{name} has type {tensor.dtype}; convert it to float32 or int64")
    return {
        "name": name,
        "dtype": DTYPE_NAMES[tensor.dtype],
        "shape": [-1, *tensor.shape[1:]],
    }
