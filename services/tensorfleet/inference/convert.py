"""Contract messages ↔ domain objects of the inference service."""

from collections.abc import Iterable
from datetime import timedelta

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from tensorfleet.inference.loaded_models import LoadedModel
from tensorfleet.inference.predictor import Answer
from tensorfleet.inference.tensor import DataType, Tensor
from tensorfleet.inference.v1 import prediction_service_pb2, tensor_pb2
from tensorfleet.shared.errors import FieldError, InvalidInput

DATA_TYPES: "dict[tensor_pb2.DataType.ValueType, DataType]" = {
    tensor_pb2.DATA_TYPE_BOOL: DataType.BOOL,
    tensor_pb2.DATA_TYPE_UINT8: DataType.UINT8,
    tensor_pb2.DATA_TYPE_INT32: DataType.INT32,
    tensor_pb2.DATA_TYPE_INT64: DataType.INT64,
    tensor_pb2.DATA_TYPE_FLOAT32: DataType.FLOAT32,
    tensor_pb2.DATA_TYPE_FLOAT64: DataType.FLOAT64,
}
_TO_PROTO = {data_type: number for number, data_type in DATA_TYPES.items()}


def tensors_from_proto(tensors: Iterable[tensor_pb2.Tensor]) -> list[Tensor]:
    """The inputs of a request, not yet compared with a model.

    Raises:
        InvalidInput: An unknown element type.
    """
    return [_tensor_from_proto(tensor) for tensor in tensors]


def _tensor_from_proto(tensor: tensor_pb2.Tensor) -> Tensor:
    data_type = DATA_TYPES.get(tensor.data_type)
    if data_type is None:
        message = f"has the unknown data_type {tensor.data_type}; see DataType in tensor.proto"
        raise InvalidInput(
            f"input {tensor.name[:128]!r} {message}",
            (FieldError(field=f"inputs.{tensor.name[:128]}", message=message),),
        )
    return Tensor(
        name=tensor.name, data_type=data_type, shape=tuple(tensor.shape), data=tensor.data
    )


def answer_to_proto(answer: Answer) -> prediction_service_pb2.PredictResponse:
    """Predictions."""
    compute_time = Duration()
    compute_time.FromTimedelta(timedelta(seconds=answer.prediction.compute_seconds))
    return prediction_service_pb2.PredictResponse(
        model=answer.version.model,
        version=answer.version.version,
        outputs=[
            tensor_pb2.Tensor(
                name=tensor.name,
                data_type=_TO_PROTO[tensor.data_type],
                shape=tensor.shape,
                data=tensor.data,
            )
            for tensor in answer.prediction.outputs
        ],
        compute_time=compute_time,
    )


def loaded_model_to_proto(loaded: LoadedModel) -> prediction_service_pb2.LoadedModel:
    """A version in memory."""
    load_time = Timestamp()
    load_time.FromDatetime(loaded.load_time)
    return prediction_service_pb2.LoadedModel(
        model=loaded.version.model,
        version=loaded.version.version,
        signature_json=loaded.version.signature_json,
        size_bytes=loaded.version.size_bytes,
        load_time=load_time,
    )
