"""The storage service's four stubs, over one channel."""

import grpc

from tensorfleet.storage.v1.artifact_service_pb2_grpc import ArtifactServiceStub
from tensorfleet.storage.v1.checkpoint_service_pb2_grpc import CheckpointServiceStub
from tensorfleet.storage.v1.dataset_service_pb2_grpc import DatasetServiceStub
from tensorfleet.storage.v1.model_registry_service_pb2_grpc import ModelRegistryServiceStub


class StorageDoor:
    """What a worker needs of storage. Calls raise the errors of `shared.errors`."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self.artifacts = ArtifactServiceStub(channel)
        self.checkpoints = CheckpointServiceStub(channel)
        self.datasets = DatasetServiceStub(channel)
        self.models = ModelRegistryServiceStub(channel)
