"""MonitoringService over gRPC. What is not here answers UNIMPLEMENTED."""

from typing import Any

from tensorfleet.monitoring.board import HealthBoard
from tensorfleet.monitoring.convert import to_health_response
from tensorfleet.monitoring.v1 import monitoring_service_pb2, monitoring_service_pb2_grpc


class MonitoringServicer(monitoring_service_pb2_grpc.MonitoringServiceServicer):
    """Answers from the board."""

    def __init__(self, board: HealthBoard) -> None:
        self._board = board

    async def GetHealth(
        self, request: monitoring_service_pb2.GetHealthRequest, context: Any
    ) -> monitoring_service_pb2.GetHealthResponse:
        """See the contract."""
        return to_health_response(self._board.newest)
