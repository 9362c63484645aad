"""Collections of the storage service and the indexes that serve its queries."""

from tensorfleet.shared.mongo import Database, mongo_errors_translated

ARTIFACTS = "artifacts"
# Which contents a project holds: what it may refer to in a manifest without uploading them.
BLOBS = "blobs"
UPLOADS = "uploads"
FENCES = "fences"
DATASETS = "datasets"
DATASET_VERSIONS = "dataset_versions"
CHECKPOINTS = "checkpoints"
MODELS = "models"
MODEL_VERSIONS = "model_versions"


async def ensure_indexes(database: Database) -> None:
    """Creates the indexes, and with them the collections, that are missing.

    Raises:
        Unavailable: MongoDB did not take it.
    """
    with mongo_errors_translated():
        await database[ARTIFACTS].create_index(
            [("project", 1), ("artifact_id", 1)], unique=True, name="by_id"
        )
        await database[BLOBS].create_index(
            [("project", 1), ("sha256", 1)], unique=True, name="by_sha256"
        )
        await database[UPLOADS].create_index([("expire_time", 1)], name="by_expire_time")
        await database[FENCES].create_index(
            [("project", 1), ("task_id", 1)], unique=True, name="by_task"
        )
        for names in (DATASETS, MODELS):
            await database[names].create_index(
                [("project", 1), ("name", 1)], unique=True, name="by_name"
            )
        await database[DATASET_VERSIONS].create_index(
            [("project", 1), ("dataset", 1), ("version", -1)], unique=True, name="by_version"
        )
        await database[MODEL_VERSIONS].create_index(
            [("project", 1), ("model", 1), ("version", -1)], unique=True, name="by_version"
        )
        # A task registers one version of a model.
        await database[MODEL_VERSIONS].create_index(
            [("project", 1), ("model", 1), ("source.task_id", 1)],
            unique=True,
            name="by_task",
            partialFilterExpression={"source.task_id": {"$exists": True}},
        )
        await database[CHECKPOINTS].create_index(
            [("project", 1), ("task_id", 1), ("step", -1)], unique=True, name="by_step"
        )
        await database[CHECKPOINTS].create_index(
            [("project", 1), ("job_id", 1), ("create_time", -1), ("_id", -1)], name="by_job"
        )
