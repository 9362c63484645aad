"""Small real models, saved as the SDK saves them, and files that only look like such."""

import io
import json
import pickle
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn

RECORD_FOLDER = "model"


class Classifier(nn.Module):
    """Rows of four numbers to scores and a class."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 3))

    def forward(self, rows: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        scores = self.layers(rows)
        return scores, scores.argmax(1)


class WordCount(nn.Module):
    """Word numbers below 10, and which of them count, to a mean vector; results by name."""

    def __init__(self) -> None:
        super().__init__()
        self.vectors = nn.Embedding(10, 4)

    def forward(self, words: torch.Tensor, counts: torch.Tensor) -> dict[str, torch.Tensor]:
        weights = counts.unsqueeze(-1).to(torch.float32)
        return {"mean": (self.vectors(words) * weights).mean(1)}


class Double(nn.Module):
    """Twice its input, with its type."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + x


def spec(name: str, dtype: str, *shape: int) -> dict[str, Any]:
    """A line of a signature."""
    return {"name": name, "dtype": dtype, "shape": list(shape)}


def save(
    folder: Path,
    module: nn.Module,
    examples: Sequence[torch.Tensor],
    inputs: Sequence[dict[str, Any]],
    outputs: Sequence[dict[str, Any]],
) -> Path:
    """Writes `model.pt2` and `signature.json`; the first dimension of every input is the batch."""
    folder.mkdir(parents=True, exist_ok=True)
    batch = torch.export.Dim("batch")
    shapes = tuple({0: batch} for _ in examples)
    program = torch.export.export(module.eval(), tuple(examples), dynamic_shapes=shapes)
    torch.export.save(program, folder / "model.pt2")
    signature = {"format": "torch.export", "inputs": inputs, "outputs": outputs}
    (folder / "signature.json").write_text(json.dumps(signature))
    return folder


def save_classifier(folder: Path, module: Classifier | None = None) -> Path:
    """A `Classifier`."""
    return save(
        folder,
        module or Classifier(),
        [torch.randn(3, 4)],
        [spec("rows", "float32", -1, 4)],
        [spec("scores", "float32", -1, 3), spec("class", "int64", -1)],
    )


def save_word_count(folder: Path) -> Path:
    """A `WordCount` for five words."""
    return save(
        folder,
        WordCount(),
        [torch.zeros(3, 5, dtype=torch.int64), torch.ones(3, 5, dtype=torch.bool)],
        [spec("words", "int64", -1, 5), spec("counts", "bool", -1, 5)],
        [spec("mean", "float32", -1, 4)],
    )


def save_double(folder: Path, dtype: str) -> Path:
    """A `Double` of rows of two."""
    example = torch.ones(3, 2, dtype=getattr(torch, dtype))
    return save(folder, Double(), [example], [spec("x", dtype, -1, 2)], [spec("y", dtype, -1, 2)])


def rewrite(
    folder: Path, change: Callable[[str, bytes], bytes | None], *, compression: int = 0
) -> None:
    """Writes `model.pt2` anew, each record as `change` gives it; None leaves it out."""
    path = folder / "model.pt2"
    with zipfile.ZipFile(path) as archive:
        records = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, data in records.items():
            root, _, record = name.partition("/")
            if (new := change(record, data)) is not None:
                archive.writestr(f"{root}/{record}", new)


def add_record(folder: Path, record: str, data: bytes) -> None:
    """Puts one more record into `model.pt2`."""
    with zipfile.ZipFile(folder / "model.pt2", "a") as archive:
        root = archive.namelist()[0].partition("/")[0]
        archive.writestr(f"{root}/{record}", data)


def change_json(folder: Path, record: str, change: Callable[[dict[str, Any]], None]) -> None:
    """Changes one of the JSON records of `model.pt2`."""

    def apply(name: str, data: bytes) -> bytes:
        if name != record:
            return data
        value = json.loads(data)
        change(value)
        return json.dumps(value).encode()

    rewrite(folder, apply)


class Touch:
    """Creates a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (self._path,))


def pickled_touch(path: Path) -> bytes:
    """What creates the file in `pickle.loads`."""
    return pickle.dumps(Touch(path))


def saved_touch(path: Path) -> bytes:
    """What creates the file in `torch.load(weights_only=False)`."""
    buffer = io.BytesIO()
    torch.save(Touch(path), buffer)
    return buffer.getvalue()
