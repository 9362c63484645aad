"""Datasets and their versions."""

import asyncio

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, SkipValidation

from tensorfleet.gateway.bodies import CheckedBody
from tensorfleet.gateway.convert.data import to_dataset, to_dataset_version
from tensorfleet.gateway.problems import problem_responses
from tensorfleet.gateway.routes.paging import PageSize, PageToken
from tensorfleet.gateway.upstreams import Upstreams
from tensorfleet.shared.rest import datasets
from tensorfleet.storage.v1 import dataset_service_pb2


@post(
    "/api/v1/datasets",
    tags=["datasets"],
    summary="Create a dataset version",
    dto=CheckedBody[datasets.CreateDatasetVersion],
    return_dto=None,
    responses=problem_responses(400, 401, 404, 503),
)
async def create_dataset_version(
    data: JSONBody[datasets.CreateDatasetVersion],
    upstreams: NamedDependency[SkipValidation[Upstreams]],
) -> Response[datasets.DatasetVersion]:
    """Makes a committed artifact the next version of a dataset, and the dataset with its first.

    When the newest version has the same artifact, that one is the answer.
    """
    answer = await upstreams.datasets.CreateDatasetVersion(
        dataset_service_pb2.CreateDatasetVersionRequest(
            dataset=data.name, artifact_id=data.artifact_id, description=data.description
        )
    )
    version = to_dataset_version(answer.version)
    return Response(
        version, status_code=201, headers={"Location": f"/api/v1/datasets/{version.dataset}"}
    )


@get(
    "/api/v1/datasets",
    tags=["datasets"],
    summary="List datasets",
    responses=problem_responses(400, 401, 503),
)
async def list_datasets(
    upstreams: NamedDependency[SkipValidation[Upstreams]],
    page_size: PageSize = 0,
    page_token: PageToken = "",
) -> datasets.DatasetPage:
    """Datasets of the caller's project, by name; 50 a page, at most 500."""
    answer = await upstreams.datasets.ListDatasets(
        dataset_service_pb2.ListDatasetsRequest(page_size=page_size, page_token=page_token)
    )
    return datasets.DatasetPage(
        datasets=[to_dataset(dataset) for dataset in answer.datasets],
        next_page_token=answer.next_page_token,
    )


@get(
    "/api/v1/datasets/{name:str}",
    tags=["datasets"],
    summary="Get a dataset",
    responses=problem_responses(400, 401, 404, 503),
)
async def get_dataset(
    name: FromPath[str],
    upstreams: NamedDependency[SkipValidation[Upstreams]],
    page_size: PageSize = 0,
    page_token: PageToken = "",
) -> datasets.DatasetDetail:
    """A dataset with its versions, newest first; 50 a page, at most 500."""
    found, listed = await asyncio.gather(
        upstreams.datasets.GetDataset(dataset_service_pb2.GetDatasetRequest(dataset=name)),
        upstreams.datasets.ListDatasetVersions(
            dataset_service_pb2.ListDatasetVersionsRequest(
                dataset=name, page_size=page_size, page_token=page_token
            )
        ),
    )
    dataset = to_dataset(found.dataset)
    return datasets.DatasetDetail(
        name=dataset.name,
        description=dataset.description,
        latest_version=dataset.latest_version,
        create_time=dataset.create_time,
        versions=[to_dataset_version(version) for version in listed.versions],
        next_page_token=listed.next_page_token,
    )
