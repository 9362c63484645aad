"""Registered models, their versions and predictions."""

from litestar import get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, SkipValidation

from tensorfleet.gateway.bodies import CheckedBody
from tensorfleet.gateway.convert.data import to_model, to_model_version
from tensorfleet.gateway.problems import problem_responses
from tensorfleet.gateway.routes.paging import PageSize, PageToken
from tensorfleet.gateway.tensors import to_nested, to_tensors
from tensorfleet.gateway.upstreams import Upstreams
from tensorfleet.inference.v1 import prediction_service_pb2
from tensorfleet.shared.rest import models
from tensorfleet.storage.v1 import model_registry_service_pb2

# The first prediction of a model waits until it is fetched and loaded.
PREDICT_DEADLINE_SECONDS = 60.0


@get(
    "/api/v1/models",
    tags=["models"],
    summary="List models",
    responses=problem_responses(400, 401, 503),
)
async def list_models(
    upstreams: NamedDependency[SkipValidation[Upstreams]],
    page_size: PageSize = 0,
    page_token: PageToken = "",
) -> models.ModelPage:
    """Models of the caller's project, by name; 50 a page, at most 500."""
    answer = await upstreams.models.ListModels(
        model_registry_service_pb2.ListModelsRequest(page_size=page_size, page_token=page_token)
    )
    return models.ModelPage(
        models=[to_model(model) for model in answer.models],
        next_page_token=answer.next_page_token,
    )


@get(
    "/api/v1/models/{name:str}",
    tags=["models"],
    summary="Get a model",
    responses=problem_responses(400, 401, 404, 503),
)
async def get_model(
    name: FromPath[str], upstreams: NamedDependency[SkipValidation[Upstreams]]
) -> models.Model:
    """One model."""
    answer = await upstreams.models.GetModel(model_registry_service_pb2.GetModelRequest(model=name))
    return to_model(answer.model)


@get(
    "/api/v1/models/{name:str}/versions",
    tags=["models"],
    summary="List a model's versions",
    responses=problem_responses(400, 401, 404, 503),
)
async def list_model_versions(
    name: FromPath[str],
    upstreams: NamedDependency[SkipValidation[Upstreams]],
    page_size: PageSize = 0,
    page_token: PageToken = "",
) -> models.ModelVersionPage:
    """The versions, newest first; 50 a page, at most 500."""
    answer = await upstreams.models.ListModelVersions(
        model_registry_service_pb2.ListModelVersionsRequest(
            model=name, page_size=page_size, page_token=page_token
        )
    )
    return models.ModelVersionPage(
        versions=[to_model_version(version) for version in answer.versions],
        next_page_token=answer.next_page_token,
    )


@post(
    "/api/v1/models/{name:str}/predict",
    tags=["models"],
    summary="Predict",
    status_code=200,
    dto=CheckedBody[models.Predict],
    return_dto=None,
    responses=problem_responses(400, 401, 404, 409, 413, 503, 504),
)
async def predict(
    name: FromPath[str],
    data: JSONBody[models.Predict],
    upstreams: NamedDependency[SkipValidation[Upstreams]],
) -> models.Prediction:
    """Runs a model once over a batch; loads it first when it is not loaded."""
    answer = await upstreams.predictions.Predict(
        prediction_service_pb2.PredictRequest(
            model=name, version=data.version or 0, inputs=to_tensors(data.inputs)
        ),
        timeout=PREDICT_DEADLINE_SECONDS,
    )
    return models.Prediction(
        model=answer.model,
        version=answer.version,
        outputs={tensor.name: to_nested(tensor) for tensor in answer.outputs},
        compute_ms=answer.compute_time.ToTimedelta().total_seconds() * 1000,
    )
