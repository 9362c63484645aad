"""An inference service whose only model doubles what it gets."""

from array import array

from google.protobuf.duration_pb2 import Duration

from tensorfleet.inference.v1 import (
    prediction_service_pb2,
    prediction_service_pb2_grpc,
    tensor_pb2,
)
from tensorfleet.shared.errors import ModelNotFound

MODEL = "doubler"


class FakeInference(prediction_service_pb2_grpc.PredictionServiceServicer):
    """Answers each input with an output of its name and twice its numbers, as float32."""

    async def Predict(
        self, request: prediction_service_pb2.PredictRequest, context: object
    ) -> prediction_service_pb2.PredictResponse:
        if request.model != MODEL or request.version > 2:
            raise ModelNotFound(f"there is no model {request.model} {request.version}")
        outputs = []
        for tensor in request.inputs:
            values = array("q" if tensor.data_type == tensor_pb2.DATA_TYPE_INT64 else "f")
            values.frombytes(tensor.data)
            doubled = array("f", [2 * value for value in values])
            outputs.append(
                tensor_pb2.Tensor(
                    name=tensor.name or "output",
                    data_type=tensor_pb2.DATA_TYPE_FLOAT32,
                    shape=tensor.shape,
                    data=doubled.tobytes(),
                )
            )
        return prediction_service_pb2.PredictResponse(
            model=request.model,
            version=request.version or 2,
            outputs=outputs,
            compute_time=Duration(nanos=1_500_000),
        )
