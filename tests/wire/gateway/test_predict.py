"""Predictions over HTTP."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.wire.gateway.fake_inference import MODEL
from tests.wire.gateway.running_gateway import RunningGateway, gateway_running

pytestmark = pytest.mark.asyncio(loop_scope="module")

URL = f"/api/v1/models/{MODEL}/predict"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gateway() -> AsyncIterator[RunningGateway]:
    """One for all tests here, as none of them changes what another one sees."""
    async with gateway_running() as running:
        yield running


async def test_single_input(gateway: RunningGateway) -> None:
    answer = await gateway.http.post(URL, json={"inputs": [[1.5, 2], [3, -4]]})
    assert answer.status_code == 200
    assert answer.json() == {
        "model": MODEL,
        "version": 2,
        "outputs": {"output": [[3.0, 4.0], [6.0, -8.0]]},
        "compute_ms": 1.5,
    }


async def test_named_inputs_and_a_version(gateway: RunningGateway) -> None:
    body = {"inputs": {"a": [[1], [2]], "b": [0.25, "NaN"]}, "version": 1}
    answer = (await gateway.http.post(URL, json=body)).json()
    assert answer["version"] == 1
    assert answer["outputs"] == {"a": [[2.0], [4.0]], "b": [0.5, "NaN"]}


@pytest.mark.parametrize(
    ("inputs", "field"),
    [
        ([], "inputs"),
        ([[]], "inputs[0]"),
        ([[1, 2], [3]], "inputs[1]"),
        ([[1, 2], [3, "x"]], "inputs[1][1]"),
        ({"a": [[1, None]]}, "inputs.a[0][1]"),
        ({}, "inputs"),
        ({"a": 3}, "inputs.a"),
        ([{"a": 1}], "inputs[0]"),
        ([3, [1]], "inputs[1]"),
        ([1e39], "inputs[0]"),
        ([1, 2**63], "inputs[1]"),
        ([True, 2], "inputs[0]"),
        (3, "inputs"),
        (None, "inputs"),
    ],
)
async def test_wrong_inputs_are_located(
    gateway: RunningGateway, inputs: object, field: str
) -> None:
    answer = await gateway.http.post(URL, json={"inputs": inputs})
    assert answer.status_code == 400
    assert [error["field"] for error in answer.json()["errors"]] == [field]


@pytest.mark.parametrize("version", [0, -1, "1", 1.5, 2**60])
async def test_wrong_version_is_refused(gateway: RunningGateway, version: object) -> None:
    answer = await gateway.http.post(URL, json={"inputs": [1], "version": version})
    assert answer.status_code == 400
    assert [error["field"] for error in answer.json()["errors"]] == ["version"]


async def test_unknown_model_and_version(gateway: RunningGateway) -> None:
    for url, version in (("/api/v1/models/none/predict", 1), (URL, 3)):
        answer = await gateway.http.post(url, json={"inputs": [1], "version": version})
        assert (answer.status_code, answer.json()["code"]) == (404, "MODEL_NOT_FOUND")
