"""Protobuf and JSON ↔ what monitoring knows. Pure."""

from datetime import UTC
from typing import Any

from tensorfleet.monitoring.health import Component, Snapshot, Status, WorkerView
from tensorfleet.monitoring.v1 import monitoring_service_pb2
from tensorfleet.orchestrator.v1 import worker_pb2

WORDS: dict[Status, str] = {
    Status.UNKNOWN: "unknown",
    Status.HEALTHY: "healthy",
    Status.DEGRADED: "degraded",
    Status.DOWN: "down",
}

_STATUS: "dict[Status, monitoring_service_pb2.HealthStatus.ValueType]" = {
    Status.UNKNOWN: monitoring_service_pb2.HEALTH_STATUS_UNSPECIFIED,
    Status.HEALTHY: monitoring_service_pb2.HEALTH_STATUS_HEALTHY,
    Status.DEGRADED: monitoring_service_pb2.HEALTH_STATUS_DEGRADED,
    Status.DOWN: monitoring_service_pb2.HEALTH_STATUS_DOWN,
}

_WORKER_STATES: "dict[worker_pb2.WorkerState.ValueType, str]" = {
    worker_pb2.WORKER_STATE_ONLINE: "online",
    worker_pb2.WORKER_STATE_DRAINING: "draining",
    worker_pb2.WORKER_STATE_OFFLINE: "offline",
}


def to_worker_view(worker: worker_pb2.Worker) -> WorkerView:
    """A worker of the orchestrator's list."""
    last_seen = worker.last_seen_time.ToDatetime(tzinfo=UTC)
    return WorkerView(
        id=worker.id,
        state=_WORKER_STATES.get(worker.state, "offline"),
        hostname=worker.hostname,
        version=worker.version,
        slots=worker.slots,
        running_task_count=len(worker.running_task_ids),
        cpus=worker.capacity.cpus,
        memory_bytes=worker.capacity.memory_bytes,
        gpus=worker.capacity.gpus,
        last_seen_time=last_seen if worker.HasField("last_seen_time") else None,
    )


def to_health_response(snapshot: Snapshot | None) -> monitoring_service_pb2.GetHealthResponse:
    """The newest look; unspecified before the first one."""
    if snapshot is None:
        return monitoring_service_pb2.GetHealthResponse()
    return monitoring_service_pb2.GetHealthResponse(
        status=_STATUS[snapshot.status],
        components=[_to_message(component) for component in snapshot.components],
    )


def _to_message(component: Component) -> monitoring_service_pb2.ComponentHealth:
    message = monitoring_service_pb2.ComponentHealth(
        component=component.name,
        status=_STATUS[component.status],
        message=component.message,
    )
    message.latency.FromTimedelta(component.latency)
    message.check_time.FromDatetime(component.time)
    return message


def to_json_object(snapshot: Snapshot | None) -> dict[str, Any]:
    """The newest look as JSON, in the words of the REST API."""
    if snapshot is None:
        return {"status": WORDS[Status.UNKNOWN], "components": [], "workers": []}
    return {
        "status": WORDS[snapshot.status],
        "check_time": snapshot.time,
        "components": [
            {
                "name": component.name,
                "status": WORDS[component.status],
                "message": component.message,
                "latency_ms": latency_ms(component),
                "check_time": component.time,
            }
            for component in snapshot.components
        ],
        "workers": list(snapshot.workers),
    }


def latency_ms(component: Component) -> float:
    """How long the check took, in milliseconds."""
    return round(component.latency.total_seconds() * 1000, 2)
