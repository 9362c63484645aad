"""Models run by torch. The only file here that imports it, and not before the first model comes."""

import asyncio
import gc
import io
import math
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import structlog

from tensorfleet.inference.model_archive import SAMPLE_INPUTS, check_archive
from tensorfleet.inference.model_files import MODEL_FILE, SIGNATURE_FILE
from tensorfleet.inference.runtime import Prediction, RunnableModel
from tensorfleet.inference.signature import Signature, parse_signature
from tensorfleet.inference.tensor import FREE, SIZE_BYTES, DataType, Tensor, TensorSpec, wrong_input
from tensorfleet.shared.errors import InvalidInput, ModelNotServable, TooLarge, Unavailable
from tensorfleet.shared.grpc_server import MAX_MESSAGE_BYTES

if TYPE_CHECKING:
    import torch

# The rest of a message is for names and shapes.
MAX_OUTPUT_BYTES = MAX_MESSAGE_BYTES - 64 * 1024
# How many rows a model is tried with when it is loaded.
TRIAL_ROWS = 2

log = structlog.get_logger(__name__)


class TorchModel:
    """See runtime.RunnableModel."""

    def __init__(self, module: "torch.nn.Module", signature: Signature) -> None:
        self.module = module
        self._signature = signature

    @property
    def signature(self) -> Signature:
        """See RunnableModel."""
        return self._signature


class TorchRuntime:
    """See runtime.ModelRuntime. Loads in one thread and computes in another."""

    def __init__(self, *, compute_threads: int) -> None:
        self._compute_threads = compute_threads
        self._loader = ThreadPoolExecutor(1, thread_name_prefix="model-load")
        self._computer = ThreadPoolExecutor(1, thread_name_prefix="model-compute")
        self._is_first = True

    async def close(self) -> None:
        """Ends the threads after what they are doing."""
        for pool in (self._loader, self._computer):
            await asyncio.to_thread(pool.shutdown, cancel_futures=True)

    async def load(self, folder: Path) -> RunnableModel:
        """See ModelRuntime."""
        loop = asyncio.get_running_loop()
        model = await loop.run_in_executor(
            self._loader, lambda: _load(folder, settle_after=self._is_first)
        )
        if self._is_first:
            await loop.run_in_executor(self._computer, _set_threads, self._compute_threads)
            self._is_first = False
        await loop.run_in_executor(self._computer, _try_out, model)
        return model

    async def run(self, model: RunnableModel, inputs: Sequence[Tensor]) -> Prediction:
        """See ModelRuntime."""
        if not isinstance(model, TorchModel):
            raise TypeError(f"{model!r} was not loaded here")
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._computer, _run, model, inputs)

    async def collect_garbage(self) -> None:
        """See ModelRuntime."""
        await asyncio.get_running_loop().run_in_executor(self._loader, gc.collect)


def _load(folder: Path, *, settle_after: bool) -> TorchModel:
    """Loads a model; blocks for seconds the first time, when torch has to be imported."""
    try:
        signature = parse_signature((folder / SIGNATURE_FILE).read_bytes())
        path = folder / MODEL_FILE
        _check_file(path)
        if settle_after:
            # The first load imports half of torch. It is repeated, so that all of that, but nothing
            # of a model, is taken out of the garbage collector's work: it would stop predictions
            # for tens of milliseconds now and then.
            _load_module(path)
            gc.collect()
            gc.freeze()
        return TorchModel(_load_module(path), signature)
    except (MemoryError, OSError) as exc:
        raise Unavailable(f"the model cannot be loaded now ({exc}); try again") from exc


def _check_file(path: Path) -> None:
    """Refuses a file that could do more than compute; see model_archive."""
    import torch

    try:
        reader = torch._C.PyTorchFileReader(str(path))
        records = reader.get_all_records()
        check_archive(path, records, reader.get_record)
        # torch.export.load falls back to unpickling anything when this fails.
        torch.load(io.BytesIO(reader.get_record(SAMPLE_INPUTS)), weights_only=True)
    except (ModelNotServable, MemoryError, OSError):
        raise
    except Exception as exc:
        raise _not_loadable(exc) from exc


def _load_module(path: Path) -> "torch.nn.Module":
    import torch

    try:
        # The checks of inputs would be Python text of the file; the signature is checked instead.
        return torch.export.load(path).module(check_guards=False)
    except (MemoryError, OSError):
        raise
    except Exception as exc:
        if _is_out_of_memory(exc):
            raise MemoryError(_last_line(exc)) from exc
        raise _not_loadable(exc) from exc


def _not_loadable(exc: Exception) -> ModelNotServable:
    return ModelNotServable(f"torch cannot load model.pt2: {_last_line(exc)}")


def _set_threads(count: int) -> None:
    import torch

    if count:
        torch.set_num_threads(count)


def _try_out(model: TorchModel) -> None:
    """Runs a model on zeros, so that one that breaks its signature shows when it is loaded.

    Raises:
        ModelNotServable: It gives something else than its signature says.
    """
    inputs = [_zeros(spec) for spec in model.signature.inputs]
    try:
        _run(model, inputs)
    except (InvalidInput, TooLarge) as exc:
        # Zeros may be wrong for this model, or two rows too many or too few.
        log.info("model did not compute on zeros", problem=str(exc))


def _zeros(spec: TensorSpec) -> Tensor:
    shape = tuple(extent if extent >= 0 else TRIAL_ROWS for extent in spec.shape)
    data = bytes(math.prod(shape) * SIZE_BYTES[spec.data_type])
    return Tensor(name=spec.name, data_type=spec.data_type, shape=shape, data=data)


def _run(model: TorchModel, inputs: Sequence[Tensor]) -> Prediction:
    import torch

    specs = model.signature.inputs
    arguments = [_to_torch(spec, tensor) for spec, tensor in zip(specs, inputs, strict=True)]
    started = time.perf_counter()
    try:
        with torch.inference_mode():
            result = model.module(*arguments)
    except Exception as exc:
        if isinstance(exc, MemoryError) or _is_out_of_memory(exc):
            raise Unavailable("there is no memory for this batch; send fewer rows") from exc
        raise InvalidInput(f"the model cannot compute on these inputs: {_last_line(exc)}") from exc
    seconds = time.perf_counter() - started
    batch = next((t.shape[0] for s, t in zip(specs, inputs, strict=True) if s.has_batch), None)
    outputs = _to_tensors(model.signature.outputs, result, batch)
    return Prediction(outputs=outputs, compute_seconds=seconds)


def _is_out_of_memory(exc: Exception) -> bool:
    return "can't allocate memory" in str(exc)


def _last_line(exc: Exception) -> str:
    lines = [line.strip() for line in str(exc).splitlines() if line.strip()]
    return f"{type(exc).__name__}: {lines[-1] if lines else ''}"[:300]


def _torch_type(data_type: DataType) -> "torch.dtype":
    import torch

    dtype: torch.dtype = getattr(torch, data_type.value)
    return dtype


def _to_torch(spec: TensorSpec, tensor: Tensor) -> "torch.Tensor":
    """A tensor with the spec's elements.

    Raises:
        InvalidInput: A number does not survive the conversion.
    """
    import torch

    if tensor.data_type is DataType.BOOL and tensor.data.translate(None, b"\0\1"):
        raise wrong_input(spec.name, "has truth values other than 0 and 1")
    # A copy: the model may write into its arguments.
    given = torch.frombuffer(bytearray(tensor.data), dtype=_torch_type(tensor.data_type))
    given = given.reshape(tensor.shape)
    if tensor.data_type is spec.data_type:
        return given
    converted = given.to(_torch_type(spec.data_type))
    lost = ~_is_same(given, converted)
    if lost.any():
        where = lost.nonzero()[0].tolist()
        raise wrong_input(
            spec.name,
            f"has {given[tuple(where)].item()} at {where}, which {spec.data_type.value} cannot "
            f"hold; send numbers that fit",
        )
    return converted


def _is_same(given: "torch.Tensor", converted: "torch.Tensor") -> "torch.Tensor":
    """Where a conversion kept the number. NaN and infinity are kept by floats only."""
    if given.is_floating_point() and converted.is_floating_point():
        return (converted.to(given.dtype) == given) | given.isnan()
    if given.is_floating_point():
        # Out of an integer's range the conversion gives anything, so the range is looked at first.
        import torch

        limits = torch.iinfo(converted.dtype)
        # The upper limit plus one is a power of two, which every float holds exactly.
        in_range = (given >= limits.min) & (given < float(limits.max + 1))
        return in_range & (converted.to(given.dtype) == given)
    if converted.is_floating_point():
        # The largest integers become 2 ** 63, which does not fit back.
        return (converted < 2.0**63) & (converted.to(given.dtype) == given)
    return converted.to(given.dtype) == given


def _to_tensors(specs: Sequence[TensorSpec], result: Any, batch: int | None) -> tuple[Tensor, ...]:
    """What a model gave, as its signature says.

    Raises:
        ModelNotServable: It is something else.
        TooLarge: It does not fit into one message.
    """
    values = _flat_results(specs, result)
    for spec, value in zip(specs, values, strict=True):
        expected = list(spec.shape)
        if spec.has_batch and batch is not None:
            expected[0] = batch
        shape = list(value.shape)
        fits = len(shape) == len(expected) and all(
            wanted in (FREE, extent) for extent, wanted in zip(shape, expected, strict=True)
        )
        if not fits or value.dtype != _torch_type(spec.data_type):
            raise ModelNotServable(
                f"the model's output {spec.name!r} is {value.dtype} of shape {shape}, but its "
                f"signature says {spec.data_type.value} of shape {spec.describe_shape()}"
            )
    size_bytes = sum(value.numel() * value.element_size() for value in values)
    if size_bytes > MAX_OUTPUT_BYTES:
        raise TooLarge(
            f"the outputs have {size_bytes} bytes, and one message takes {MAX_OUTPUT_BYTES}; "
            "send fewer rows"
        )
    return tuple(
        Tensor(
            name=spec.name,
            data_type=spec.data_type,
            shape=tuple(value.shape),
            data=value.contiguous().numpy().tobytes(),
        )
        for spec, value in zip(specs, values, strict=True)
    )


def _flat_results(specs: Sequence[TensorSpec], result: Any) -> "list[torch.Tensor]":
    import torch

    if isinstance(result, dict):
        found = [result.get(spec.name) for spec in specs] if len(result) == len(specs) else []
    else:
        found = list(result) if isinstance(result, tuple | list) else [result]
    values = [value for value in found if isinstance(value, torch.Tensor)]
    if len(found) != len(specs) or len(values) != len(specs):
        names = ", ".join(repr(spec.name) for spec in specs)
        raise ModelNotServable(f"the model does not give one tensor for each output, {names}")
    return values
