"""Files that would make torch.export.load do more than load tensors do not get that far."""

import contextlib
import io
import json
import shutil
import zipfile
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from tensorfleet.inference.model_archive import check_archive
from tensorfleet.inference.torch_runtime import TorchRuntime
from tensorfleet.shared.errors import ModelNotServable
from tests.contract.inference.sample_models import (
    Classifier,
    WordCount,
    add_record,
    change_json,
    pickled_touch,
    rewrite,
    save,
    save_classifier,
    saved_touch,
)

GRAPH = "models/model.json"
WEIGHTS = "data/weights/model_weights_config.json"
CONSTANTS = "data/constants/model_constants_config.json"
SAMPLE_INPUTS = "data/sample_inputs/model.pt"


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_classifier(tmp_path_factory.mktemp("classifier"))


@pytest.fixture
def folder(saved: Path, tmp_path: Path) -> Path:
    """A good model, to be spoilt."""
    return shutil.copytree(saved, tmp_path / "model")


async def refuse(folder: Path, match: str) -> None:
    """Asserts that the model is refused."""
    runtime = TorchRuntime(compute_threads=1)
    try:
        with pytest.raises(ModelNotServable, match=match):
            await runtime.load(folder)
    finally:
        await runtime.close()


class Convolutions(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(1, 4, 3, padding="same"),
            nn.BatchNorm2d(4),
            nn.GELU("tanh"),
            nn.MaxPool2d(2),
            nn.Dropout(),
            nn.Flatten(),
        )
        self.register_buffer("scale", torch.tensor([2.0]))
        self.offset = torch.tensor(1.0)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        with torch.no_grad():
            mean = x.mean()
        padded = torch.nn.functional.pad(x - mean, (1, 1, 1, 1), mode="constant")
        scaled: torch.Tensor = torch.einsum("bi,j->bi", self.layers(padded), self.scale)
        return scaled + self.offset


class Attention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        batch = x.shape[0]
        mixed: torch.Tensor = self.layer(x).reshape(batch * 2, -1).reshape(batch, -1)
        return mixed + torch.arange(batch).unsqueeze(1) * 0.5


class Recurrent(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.LSTM(4, 6, batch_first=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        hidden, _ = self.layer(x)
        last: torch.Tensor = torch.cond(
            hidden.sum() > 0, lambda h: h + 1, lambda h: h - 1, (hidden[:, -1],)
        )
        return last


@pytest.mark.parametrize(
    ("module", "examples"),
    [
        (Convolutions(), [torch.randn(3, 1, 6, 6)]),
        (Attention(), [torch.randn(3, 4, 8)]),
        (Recurrent(), [torch.randn(3, 5, 4)]),
        (Classifier(), [torch.randn(3, 4)]),
        (WordCount(), [torch.zeros(3, 5, dtype=torch.int64), torch.ones(3, 5, dtype=torch.bool)]),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, nn.Module) else "",
)
@pytest.mark.filterwarnings("ignore::UserWarning")  # torch's own, about nn.LSTM and cond
def test_usual_modules_pass(tmp_path: Path, module: nn.Module, examples: list[Any]) -> None:
    path = save(tmp_path, module, examples, [], []) / "model.pt2"
    reader = torch._C.PyTorchFileReader(str(path))
    check_archive(path, reader.get_all_records(), reader.get_record)


async def test_pickled_weight_is_refused(folder: Path, tmp_path: Path) -> None:
    touched = tmp_path / "touched"

    def use_pickle(config: dict[str, Any]) -> None:
        for payload in config["config"].values():
            payload["use_pickle"] = True

    change_json(folder, WEIGHTS, use_pickle)
    rewrite(
        folder,
        lambda name, data: saved_touch(touched) if name == "data/weights/weight_0" else data,
    )
    await refuse(folder, "not a plain tensor")
    assert not touched.exists()


@pytest.mark.parametrize("prefix", ["custom_obj_0", "opaque_obj_0"])
async def test_pickled_object_is_refused(folder: Path, tmp_path: Path, prefix: str) -> None:
    touched = tmp_path / "touched"

    def add_object(config: dict[str, Any]) -> None:
        config["config"]["evil"] = {
            "path_name": prefix,
            "is_param": False,
            "use_pickle": True,
            "tensor_meta": None,
        }

    change_json(folder, CONSTANTS, add_object)
    await refuse(folder, "not a plain tensor")
    add_record(folder, f"data/constants/{prefix}", pickled_touch(touched))
    await refuse(folder, prefix)
    assert not touched.exists()


async def test_pickled_sample_inputs_are_refused(folder: Path, tmp_path: Path) -> None:
    touched = tmp_path / "touched"
    rewrite(folder, lambda name, data: saved_touch(touched) if name == SAMPLE_INPUTS else data)
    await refuse(folder, "torch cannot load")
    assert not touched.exists()


@pytest.mark.parametrize(
    "record",
    [
        "data/weights/model.pt",
        "data/constants/model.pt",
        "data/aotinductor/model/evil.so",
        "extra/text",
        "models/other.json",
    ],
)
async def test_record_of_another_kind_is_refused(folder: Path, record: str) -> None:
    add_record(folder, record, b"x")
    await refuse(folder, "it has the record")


@pytest.mark.parametrize(
    "operator",
    [
        "torch.os.system",
        "torch.serialization.pickle.loads",
        "torch.load",
        "torch.hub.load",
        "torch.ops.load_library",
        "torch.ops.aten.from_file.default",
        "torch.ops.aten.save.default",
        "torch.ops.aten.__getattribute__.x",
        "torch.ops.prim.RaiseException.default",
        "_operator.attrgetter",
        "_operator.methodcaller",
        "math.factorial",
        "#evil:x",
        "torch.ops.aten.relu.default\n",
    ],
)
async def test_unknown_operator_is_refused(folder: Path, operator: str) -> None:
    def call(program: dict[str, Any]) -> None:
        program["graph_module"]["graph"]["nodes"][0]["target"] = operator

    change_json(folder, GRAPH, call)
    # `__getattribute__` fits the pattern of names; torch itself has no such operator.
    await refuse(folder, "operator|torch cannot load")


async def test_operator_given_as_an_argument_is_refused(folder: Path) -> None:
    def give(program: dict[str, Any]) -> None:
        arguments = program["graph_module"]["graph"]["nodes"][0]["inputs"]
        arguments.append({"name": "f", "arg": {"as_operator": "torch.os.system"}, "kind": 1})

    change_json(folder, GRAPH, give)
    await refuse(folder, "operator")


async def test_operator_hidden_below_a_name_that_is_not_looked_at_is_refused(folder: Path) -> None:
    def hide(program: dict[str, Any]) -> None:
        evil = {"as_operator": "torch.os.system"}
        arguments = program["graph_module"]["graph"]["nodes"][0]["inputs"]
        argument = {"as_string_to_argument": {"metadata": evil}}
        arguments.append({"name": "f", "arg": argument, "kind": 1})

    change_json(folder, GRAPH, hide)
    await refuse(folder, "operator")


@pytest.mark.parametrize(
    "size",
    [
        "__import__('os').system('true')",
        "Symbol('s0').__class__",
        "Integer(9)**Integer(99)",
        "9**9**9**9",
        "Pow(9, Pow(9, 99999))",
        "S('x')",
        "sympify('1')",
        "Symbol('evil', positive=True)",
        "s0; s1",
        "lambda: 0",
        "(" * 2000,
        "[1]",
        "f'{1}'",
        "'s1'.format",
    ],
)
async def test_size_that_is_more_than_arithmetic_is_refused(folder: Path, size: str) -> None:
    def put(program: dict[str, Any]) -> None:
        values = program["graph_module"]["graph"]["tensor_values"]
        next(iter(values.values()))["sizes"][0] = {"as_expr": {"expr_str": size, "hint": None}}

    change_json(folder, GRAPH, put)
    await refuse(folder, "it has the size")


async def test_argument_name_that_is_code_is_refused(folder: Path) -> None:
    def name(program: dict[str, Any]) -> None:
        for entry in program["graph_module"]["module_call_graph"]:
            if entry["signature"]:
                entry["signature"]["forward_arg_names"] = ["rows=print(1)"]

    change_json(folder, GRAPH, name)
    await refuse(folder, "it has the text")


async def test_containers_of_other_types_are_refused(folder: Path) -> None:
    evil = {
        "type": "collections.defaultdict",
        "context": json.dumps(
            {"default_factory_module": "os", "default_factory_name": "abort", "dict_context": []}
        ),
        "children_spec": [],
    }

    def put(program: dict[str, Any]) -> None:
        for entry in program["graph_module"]["module_call_graph"]:
            if entry["signature"]:
                entry["signature"]["in_spec"] = json.dumps([1, evil])

    change_json(folder, GRAPH, put)
    await refuse(folder, "takes or gives")


async def test_names_of_a_dictionary_must_be_text(folder: Path) -> None:
    enum = {"__enum__": True, "fqn": "os:abort", "name": "x"}
    evil = {"type": "builtins.dict", "context": json.dumps([enum]), "children_spec": []}

    def put(program: dict[str, Any]) -> None:
        for entry in program["graph_module"]["module_call_graph"]:
            if entry["signature"]:
                entry["signature"]["out_spec"] = json.dumps([1, evil])

    change_json(folder, GRAPH, put)
    await refuse(folder, "not named by text")


async def test_checks_of_inputs_in_python_text_are_not_run(folder: Path, tmp_path: Path) -> None:
    touched = tmp_path / "touched"

    def put(program: dict[str, Any]) -> None:
        program["guards_code"] = [f"__import__('pathlib').Path({str(touched)!r}).touch() or True"]

    change_json(folder, GRAPH, put)
    runtime = TorchRuntime(compute_threads=1)
    try:
        await runtime.load(folder)
    finally:
        await runtime.close()
    assert not touched.exists()


async def test_compressed_archive_is_refused(folder: Path) -> None:
    rewrite(folder, lambda _, data: data, compression=zipfile.ZIP_DEFLATED)
    await refuse(folder, "compressed")


async def test_archive_of_the_older_layout_is_refused(folder: Path) -> None:
    with zipfile.ZipFile(folder / "model.pt2", "a") as archive:
        archive.writestr("version", "8.1")
    await refuse(folder, "one folder|torch cannot load")


async def test_missing_record_is_refused(folder: Path) -> None:
    rewrite(folder, lambda name, data: None if name == CONSTANTS else data)
    await refuse(folder, "it lacks")


@pytest.mark.parametrize("text", ["", "[]", "{", "null", "[" * 100_000, '{"graph_module": 1}'])
async def test_malformed_description_is_refused(folder: Path, text: str) -> None:
    rewrite(folder, lambda name, data: text.encode() if name == GRAPH else data)
    await refuse(folder, "model.pt2")


def test_torch_would_have_run_what_is_refused(folder: Path, tmp_path: Path) -> None:
    """Without the check the sample inputs of the test above are unpickled: the danger is real."""
    touched = tmp_path / "touched"
    rewrite(folder, lambda name, data: saved_touch(touched) if name == SAMPLE_INPUTS else data)
    with contextlib.suppress(Exception):
        torch.export.load(io.BytesIO((folder / "model.pt2").read_bytes()))
    assert touched.exists()
