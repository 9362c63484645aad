"""A module becomes files that run without its code."""

import json
from pathlib import Path

import pytest
import torch

from tensorfleet.sdk.model_export import export_module
from tensorfleet.shared.errors import InvalidInput


class Reshaping(torch.nn.Module):
    """Keeps a dropout, so that the mode matters."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.Dropout(0.5))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        result: torch.Tensor = self.layers(x)
        return result


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_exported_model_answers_like_the_module_for_any_batch(tmp_path: Path) -> None:
    module = Reshaping().train()
    signature = export_module(module, torch.zeros(2, 4), tmp_path)
    assert module.training
    assert json.loads((tmp_path / "signature.json").read_text()) == signature
    assert signature["inputs"] == [{"name": "input", "dtype": "float32", "shape": [-1, 4]}]
    assert signature["outputs"] == [{"name": "output", "dtype": "float32", "shape": [-1, 3]}]
    loaded = torch.export.load(tmp_path / "model.pt2").module()
    batch = torch.randn(7, 4)
    torch.testing.assert_close(loaded(batch), module.eval()(batch))


def test_example_without_a_batch_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="2 rows"):
        export_module(Reshaping(), torch.zeros(1, 4), tmp_path)


class Branching(torch.nn.Module):
    """Python decides by the data: not exportable."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x if x.sum() > 0 else -x


def test_module_that_cannot_be_exported_says_why(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"torch\.export cannot export"):
        export_module(Branching(), torch.zeros(2, 4), tmp_path)
