"""Whether a `model.pt2` holds nothing but tensors and a graph of known operators.

`torch.export.load` trusts its file: it unpickles what the file marks as pickled, resolves operator
names by attribute from `torch` downwards, evaluates symbolic sizes as Python, and pastes argument
names into generated code. Users write these files, and this process serves all of them, so
everything in a file is compared with what `torch.export.save` writes for plain modules. The
layout is torch's own: torch/_export/serde/schema.py, torch/export/pt2_archive/constants.py.
"""

import json
import re
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from tensorfleet.shared.errors import ModelNotServable

SAMPLE_INPUTS = "data/sample_inputs/model.pt"
GRAPH = "models/model.json"
PAYLOADS = ("data/weights/model_weights_config.json", "data/constants/model_constants_config.json")

MAX_JSON_BYTES = 64 * 1024 * 1024

_RECORD = re.compile(
    r"models/model\.json|data/weights/weight_\d+|data/constants/tensor_\d+"
    r"|data/(weights/model_weights|constants/model_constants)_config\.json"
    r"|data/sample_inputs/model\.pt|archive_(format|version)|byteorder"
    r"|\.data/(version|serialization_id)|\.format_version|\.storage_alignment"
)
_PAYLOAD_FILE = re.compile(r"(weight|tensor)_\d+")

# Operators by name; attributes of anything else must not be reached.
_OPERATOR = re.compile(
    r"torch\.ops\.aten\.(?P<aten>[A-Za-z0-9_]+)\.[A-Za-z0-9_]+"
    r"|torch\.ops\.higher_order\.(cond|wrap_with_set_grad_enabled|wrap_with_autocast)"
    r"|_operator\.(add|sub|mul|truediv|floordiv|mod|neg|pos|getitem|and_|or_|not_"
    r"|eq|ne|lt|le|gt|ge)"
    r"|math\.(ceil|floor|trunc|sqrt)"
    r"|torch\.sym_(float|int|max|min|not|ite)"
)
# They read or write files.
_FORBIDDEN_ATEN = frozenset({"from_file", "save"})

# Symbolic sizes, as sympy writes them: `Mul(Integer(2), Symbol('s77', positive=True))`. No powers:
# they may never end.
_SYMBOL = re.compile(r"[su]\d{1,6}")
_SIZE_WORDS = frozenset(
    {"Symbol", "Integer", "Rational", "Float", "Mul", "Add", "Min", "Max", "Mod", "PythonMod"}
    | {"FloorDiv", "CeilDiv", "CleanDiv", "ModularIndexing", "IntTrueDiv", "FloatTrueDiv"}
    | {"CeilToInt", "FloorToInt", "TruncToInt", "ToFloat", "And", "Or", "Not", "Eq", "Ne"}
    | {"Equality", "Unequality", "StrictLessThan", "LessThan", "StrictGreaterThan", "GreaterThan"}
    | {"positive", "nonnegative", "integer", "real", "finite", "nonzero", "True", "False"}
)
_SIZE_TOKEN = re.compile(r"\s+|\d{1,18}(\.\d{1,18})?|(?P<word>'?[A-Za-z]\w*'?)|[-+*/%(),=<>]")
_MAX_SIZE_LENGTH = 1000

# Names of values, parameters, devices, versions: nothing that could leave an identifier.
_PLAIN_NAME = re.compile(r"[A-Za-z0-9_.@:+\-]{0,512}")
_ARGUMENT_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,255}")
# Arguments of operators: "mean", "tanh", "ij,jk->ik". No path.
_PLAIN_TEXT = re.compile(r"[A-Za-z0-9_ ,.>\-]{0,256}")
# For people and tools; torch does not run them.
_NODE_METADATA = frozenset(
    {"stack_trace", "nn_module_stack", "source_fn_stack", "torch_fn", "custom", "from_node"}
)
_CONTAINERS = frozenset({"builtins.tuple", "builtins.list", "builtins.dict"})

ReadRecord = Callable[[str], bytes]


def check_archive(path: Path, records: Iterable[str], read: ReadRecord) -> None:
    """Returns when the file may be given to `torch.export.load`.

    Args:
        records: The names of all records, as torch's own reader sees them.
        read: Gives a record's content, by torch's own reader too, so that nothing can look
            different to torch.

    Raises:
        ModelNotServable: It holds something else.
    """
    names = list(records)
    for name in names:
        if not _RECORD.fullmatch(name):
            raise _refused(f"it has the record {name[:200]!r}")
    _check_container(path)
    missing = {GRAPH, SAMPLE_INPUTS, *PAYLOADS} - set(names)
    if missing:
        raise _refused(f"it lacks {sorted(missing)[0]}")
    try:
        for name in PAYLOADS:
            _check_payloads(_parse(read(name)))
        program = _parse(read(GRAPH))
        # Checks of inputs, as Python text; the model is loaded without them.
        program.pop("guards_code", None)
        _check_node("program", program)
    except (ValueError, RecursionError, AttributeError, TypeError, KeyError) as exc:
        raise _refused(f"its description is malformed ({type(exc).__name__})") from exc


def _check_container(path: Path) -> None:
    """Refuses what would grow when it is read, and the older layout, which is read differently."""
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, ValueError) as exc:
        raise _refused("it is not a zip archive") from exc
    names = [entry.filename for entry in entries]
    if len(set(names)) < len(names) or any("/" not in name for name in names):
        raise _refused("its records are not in one folder, or have the same name")
    if any(entry.compress_type != zipfile.ZIP_STORED for entry in entries):
        raise _refused("it is compressed")
    if sum(entry.file_size for entry in entries) > path.stat().st_size:
        raise _refused("its records overlap")


def _parse(data: bytes) -> dict[str, Any]:
    if len(data) > MAX_JSON_BYTES:
        raise _refused(f"its description has more than {MAX_JSON_BYTES} bytes")
    value = json.loads(data)
    if not isinstance(value, dict):
        raise _refused("its description is not an object")
    return value


def _check_payloads(payloads: dict[str, Any]) -> None:
    """Weights and constants must be plain tensors."""
    for name, payload in payloads["config"].items():
        if payload["use_pickle"] is not False or not _PAYLOAD_FILE.fullmatch(payload["path_name"]):
            raise _refused(f"{name[:200]!r} is not a plain tensor")
    _check_node("payloads", payloads)


def _check_node(key: str, value: Any) -> None:
    """Checks a value of the graph's description, and everything below it.

    Args:
        key: What the value is called in the nearest object around it.
    """
    if isinstance(value, dict):
        if key == "metadata" and _is_node_metadata(value):
            return
        if key in ("custom_obj_values", "treespec_namedtuple_fields") and value:
            raise _refused(f"it has {key}")
        for name, below in value.items():
            _check_text(_PLAIN_NAME, name)
            _check_node(name, below)
    elif isinstance(value, list):
        for below in value:
            _check_node(key, below)
    elif isinstance(value, str):
        _check_string(key, value)


def _is_node_metadata(value: dict[str, Any]) -> bool:
    return value.keys() <= _NODE_METADATA and all(isinstance(v, str) for v in value.values())


def _check_string(key: str, value: str) -> None:
    if key in ("target", "as_operator"):
        _check_operator(value)
    elif key == "expr_str":
        _check_size(value)
    elif key in ("in_spec", "out_spec"):
        _check_tree(json.loads(value)[1])
    elif key in ("as_string", "as_strings"):
        _check_text(_PLAIN_TEXT, value)
    elif key == "forward_arg_names":
        _check_text(_ARGUMENT_NAME, value)
    elif key == "class_fqn":
        raise _refused("it has an object that is not a tensor")
    else:
        _check_text(_PLAIN_NAME, value)


def _check_operator(name: str) -> None:
    match = _OPERATOR.fullmatch(name)
    if not match or match["aten"] in _FORBIDDEN_ATEN:
        raise _refused(f"it uses the operator {name[:200]!r}")


def _check_size(expression: str) -> None:
    position = 0
    while position < len(expression) <= _MAX_SIZE_LENGTH:
        token = _SIZE_TOKEN.match(expression, position)
        if not token or expression.startswith("**", position):
            break
        word = token["word"]
        if word and word not in _SIZE_WORDS and not _SYMBOL.fullmatch(word.strip("'")):
            break
        position = token.end()
    if position < len(expression):
        raise _refused(f"it has the size {expression[:200]!r}")


def _check_tree(spec: Any) -> None:
    """Containers of arguments and results: only tuples, lists and dictionaries by plain names."""
    if spec["type"] is None:
        return
    if spec["type"] not in _CONTAINERS:
        raise _refused(f"it takes or gives {str(spec['type'])[:200]!r}")
    context = json.loads(spec["context"]) if spec["context"] is not None else None
    names = context if isinstance(context, list) else [] if context is None else [context]
    for name in names:
        if not isinstance(name, str):
            raise _refused("it has arguments that are not named by text")
        _check_text(_PLAIN_NAME, name)
    for child in spec["children_spec"]:
        _check_tree(child)


def _check_text(pattern: re.Pattern[str], text: str) -> None:
    if not pattern.fullmatch(text):
        raise _refused(f"it has the text {text[:200]!r}")


def _refused(what: str) -> ModelNotServable:
    return ModelNotServable(
        f"model.pt2 is not a plain model: {what}. Save it with run.save_model, from a module whose "
        "tensors and operators are torch's own"
    )
