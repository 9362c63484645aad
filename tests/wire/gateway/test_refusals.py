"""What the HTTP layer itself refuses, and how errors look."""

import asyncio
import re
import resource
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tensorfleet.shared.errors import TensorFleetError
from tests.wire.gateway.running_gateway import RunningGateway, gateway_running

pytestmark = pytest.mark.asyncio(loop_scope="module")

MIB = 1024 * 1024


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gateway() -> AsyncIterator[RunningGateway]:
    """One for all tests here, as none of them changes what another one sees."""
    async with gateway_running() as running:
        yield running


async def test_unknown_route_is_a_problem(gateway: RunningGateway) -> None:
    for path in ("/nope", "/api/v1/nope/x", "/docs/nope", "/docs/assets/nope.js", "/api/v1"):
        answer = await gateway.http.get(path)
        assert answer.status_code == 404, path
        assert answer.headers["Content-Type"] == "application/problem+json"
        problem = answer.json()
        assert problem["code"] == "NOT_FOUND"
        assert problem["request_id"] == answer.headers["X-Request-ID"]
        assert problem["status"] == 404
        assert problem["type"] == "urn:tensorfleet:problem:not-found"


async def test_wrong_method_is_a_problem_that_names_the_right_ones(
    gateway: RunningGateway,
) -> None:
    answer = await gateway.http.delete("/api/v1/jobs")
    assert answer.status_code == 405
    assert {"GET", "POST"} <= set(answer.headers["Allow"].split(", "))
    assert answer.json()["code"] == "METHOD_NOT_ALLOWED"


@pytest.mark.parametrize(
    "body",
    [b"{", b'{"kind": "\xff"}', b"[" * 100_000, b'{"kind": NaN}', b"hello", b"", b"null", b"[]"],
    ids=["cut", "not utf-8", "deep", "nan", "text", "empty", "null", "list"],
)
async def test_body_that_is_no_json_object_is_refused(gateway: RunningGateway, body: bytes) -> None:
    before = len(gateway.orchestrator.jobs)
    answer = await gateway.http.post("/api/v1/jobs", content=body)
    assert answer.status_code == 400
    assert answer.json()["code"] in ("INVALID_INPUT", "INVALID_JOB")
    assert len(gateway.orchestrator.jobs) == before


async def test_every_wrong_field_of_a_job_is_named(gateway: RunningGateway) -> None:
    body = {
        "prority": "high",
        "priority": "urgent",
        "max_attempts": "3",
        "resources": {"cpus": 0, "memory": "1 apple", "gpu": 1},
        "labels": {"a": 1},
        "spec": {"big": 10**30},
    }
    answer = await gateway.http.post("/api/v1/jobs", json=body)
    assert answer.status_code == 400
    assert {error["field"] for error in answer.json()["errors"]} == {
        "kind",
        "prority",
        "priority",
        "max_attempts",
        "resources.cpus",
        "resources.memory",
        "resources.gpu",
        "labels.a",
        "spec.big",
    }


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("page_size=x", "page_size"),
        ("page_size=-1", "page_size"),
        ("page_size=99999999999", "page_size"),
        ("state=odd", "state"),
    ],
)
async def test_wrong_parameter_is_named_as_the_caller_wrote_it(
    gateway: RunningGateway, query: str, field: str
) -> None:
    answer = await gateway.http.get(f"/api/v1/jobs?{query}")
    assert answer.status_code == 400
    assert [error["field"] for error in answer.json()["errors"]] == [field]


async def test_page_token_of_somebody_else_is_refused(gateway: RunningGateway) -> None:
    answer = await gateway.http.get("/api/v1/jobs?page_token=abc")
    assert answer.status_code == 400
    assert answer.json()["code"] == "INVALID_PAGE_TOKEN"


@pytest.mark.parametrize("announced", [True, False], ids=["content-length", "chunked"])
async def test_too_long_body_is_refused_without_being_kept(
    gateway: RunningGateway, announced: bool
) -> None:
    chunk = b" " * MIB

    async def body() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield chunk

    headers = {"Content-Length": str(100 * MIB)} if announced else {}
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    answer = await gateway.http.post("/api/v1/jobs", content=body(), headers=headers)
    grown_mib = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    assert answer.status_code == 413
    assert answer.json()["code"] == "TOO_LARGE"
    assert grown_mib < 20
    again = await gateway.http.get("/health/live")
    assert again.status_code == 200


async def test_body_just_within_the_limit_is_taken(gateway: RunningGateway) -> None:
    spec = {"text": "x" * (MIB - 200)}
    answer = await gateway.http.post("/api/v1/jobs", json={"kind": "train", "spec": spec})
    assert answer.status_code == 201
    assert answer.json()["spec"] == spec


async def test_request_id_comes_back_and_reaches_the_service(gateway: RunningGateway) -> None:
    given = {"X-Request-ID": "my-request.1"}
    answer = await gateway.http.get("/api/v1/jobs/none", headers=given)
    assert answer.headers["X-Request-ID"] == "my-request.1"
    assert answer.json()["request_id"] == "my-request.1"
    assert gateway.orchestrator.request_ids[-1] == "my-request.1"


@pytest.mark.parametrize("given", ["a b", "x" * 65, "a\tb", "ä"])
async def test_request_id_that_could_harm_logs_is_replaced(
    gateway: RunningGateway, given: str
) -> None:
    answer = await gateway.http.get(
        "/health/live", headers=[(b"X-Request-ID", given.encode("latin-1"))]
    )
    assert answer.status_code == 200
    assert re.fullmatch(r"[0-9a-f]{16}", answer.headers["X-Request-ID"])


async def test_unexpected_error_tells_nothing_but_the_request_id(
    gateway: RunningGateway,
) -> None:
    created = await gateway.http.post("/api/v1/jobs", json={"kind": "train"})
    job = gateway.orchestrator.jobs[created.json()["id"]]
    job.spec.spec_json = '{"secret": 1'  # the gateway cannot read it
    answer = await gateway.http.get(created.headers["Location"])
    del gateway.orchestrator.jobs[job.id]
    assert answer.status_code == 500
    problem = answer.json()
    assert problem["code"] == TensorFleetError.reason
    assert problem["detail"] == f"internal error; the logs have request id {problem['request_id']}"
    assert "secret" not in answer.text


async def test_rubbish_instead_of_http_is_refused(gateway: RunningGateway) -> None:
    port = int(gateway.url.rsplit(":", 1)[1])
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"\x16\x03\x01 rubbish\r\n\r\n")
    async with asyncio.timeout(5):
        answer = await reader.read()
    assert answer.startswith(b"HTTP/1.1 400 ")
    writer.close()
    await writer.wait_closed()


async def test_every_answer_has_security_headers(gateway: RunningGateway) -> None:
    for path in ("/health/live", "/nope", "/api/v1/jobs", "/docs", "/"):
        headers = (await gateway.http.get(path)).headers
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["X-Frame-Options"] == "DENY"
        assert headers["Referrer-Policy"] == "no-referrer"
        assert "default-src" in headers["Content-Security-Policy"]
        assert "Server" not in headers
    assert (await gateway.http.get("/api/v1/jobs")).headers["Cache-Control"] == "no-store"


async def test_long_answer_is_compressed_for_who_can_read_it(gateway: RunningGateway) -> None:
    spec = {"text": "x" * 5000}
    created = await gateway.http.post("/api/v1/jobs", json={"kind": "train", "spec": spec})
    location = created.headers["Location"]
    packed = await gateway.http.get(location, headers={"Accept-Encoding": "gzip"})
    plain = await gateway.http.get(location, headers={"Accept-Encoding": "identity"})
    assert packed.headers["Content-Encoding"] == "gzip"
    assert int(packed.headers["Content-Length"]) < 1000
    assert "Content-Encoding" not in plain.headers
    assert packed.json() == plain.json()
