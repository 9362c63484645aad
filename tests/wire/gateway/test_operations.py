"""Health, metrics and documentation."""

import asyncio
import re

import httpx

from tensorfleet.kinds.registry import find_kind, kind_names
from tensorfleet.shared.errors import Unavailable
from tests.deadlines import eventually
from tests.wire.gateway.running_gateway import RunningGateway

PARTS = ["mongodb", "redis", "s3", "orchestrator", "storage", "inference", "monitoring"]


async def test_healthy_fleet(gateway: RunningGateway) -> None:
    answer = await gateway.http.get("/health")
    assert answer.status_code == 200
    health = answer.json()
    assert health["status"] == "healthy"
    assert [part["name"] for part in health["components"]] == PARTS
    assert {part["status"] for part in health["components"]} == {"healthy"}
    assert all(part["latency_ms"] >= 0 for part in health["components"])


async def statuses(gateway: RunningGateway) -> tuple[int, str, dict[str, str]]:
    answer = await gateway.http.get("/health")
    health = answer.json()
    parts = {part["name"]: part["status"] for part in health["components"]}
    return answer.status_code, health["status"], parts


async def test_unhealthy_dependency_of_a_service_makes_the_fleet_down_until_it_is_back(
    gateway: RunningGateway,
) -> None:
    orchestrator = gateway.services["orchestrator"]
    await orchestrator.set_health("redis", False)
    await orchestrator.set_health("", False)
    code, status, parts = await statuses(gateway)
    assert (code, status) == (503, "down")
    assert (parts["redis"], parts["orchestrator"]) == ("degraded", "degraded")
    assert (parts["mongodb"], parts["storage"]) == ("healthy", "healthy")
    await orchestrator.set_health("redis", True)
    await orchestrator.set_health("", True)

    async def is_back() -> bool:
        return (await statuses(gateway))[:2] == (200, "healthy")

    await eventually(is_back)


async def test_database_of_the_gateway_counts(gateway: RunningGateway) -> None:
    gateway.mongodb_problem.append(Unavailable("MongoDB did not answer"))
    answer = await gateway.http.get("/health")
    assert answer.status_code == 503
    mongodb = answer.json()["components"][0]
    assert (mongodb["status"], mongodb["message"]) == ("down", "MongoDB did not answer")


async def test_service_that_is_gone_is_down_with_what_only_it_can_tell(
    gateway: RunningGateway,
) -> None:
    await gateway.services["storage"].stop(0)
    code, status, parts = await statuses(gateway)
    assert (code, status) == (503, "down")
    assert (parts["storage"], parts["s3"]) == ("down", "down")
    assert parts["redis"] == "healthy"


async def test_fleet_works_without_monitoring(gateway: RunningGateway) -> None:
    await gateway.services["monitoring"].stop(0)
    code, status, parts = await statuses(gateway)
    assert (code, status, parts["monitoring"]) == (200, "degraded", "down")


async def test_service_that_is_down_gives_503_with_the_advice_to_retry(
    gateway: RunningGateway,
) -> None:
    await gateway.services["orchestrator"].stop(0)
    answer = await gateway.http.get("/api/v1/jobs")
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "1"
    assert answer.json()["code"] == "UNAVAILABLE"


async def test_requests_in_the_same_second_share_one_look(gateway: RunningGateway) -> None:
    answers = await asyncio.gather(*(gateway.http.get("/health") for _ in range(20)))
    times = {part["check_time"] for a in answers for part in a.json()["components"][:1]}
    assert len(times) == 1


async def test_liveness_looks_at_nothing_else(gateway: RunningGateway) -> None:
    for name in ("orchestrator", "storage"):
        await gateway.services[name].stop(0)
    answer = await gateway.http.get("/health/live")
    assert (answer.status_code, answer.json()) == (200, {"status": "alive"})


async def test_metrics_count_routes_and_not_paths(gateway: RunningGateway) -> None:
    await gateway.http.get("/api/v1/jobs/job-one")
    await gateway.http.get("/api/v1/jobs/job-two")
    await gateway.http.get("/nope")
    answer = await gateway.http.get("/metrics")
    assert answer.headers["Content-Type"].startswith("text/plain; version=")
    assert re.search(
        r'tensorfleet_gateway_http_requests_total\{method="GET",'
        r'route="/api/v1/jobs/\{job_id\}",status="404"\} 2.0',
        answer.text,
    )
    assert 'route="unmatched",status="404"} 1.0' in answer.text
    assert "tensorfleet_gateway_http_request_duration_seconds_bucket" in answer.text
    assert "job-one" not in answer.text


async def test_root_leads_to_the_docs(gateway: RunningGateway) -> None:
    answer = await gateway.http.get("/")
    assert (answer.status_code, answer.headers["Location"]) == (302, "/docs")


async def test_docs_load_nothing_from_elsewhere(gateway: RunningGateway) -> None:
    async with httpx.AsyncClient(base_url=gateway.url, trust_env=False) as browser:
        page = await browser.get("/docs")
        assert page.status_code == 200
        assert page.headers["Content-Type"].startswith("text/html")
        assert not re.search(r"https?://|(src|href)=[\"']//", page.text)
        linked = re.findall(r"(?:src|href)=[\"'](/[^\"']+)", page.text)
        assert len(linked) == 3
        for path in linked:
            asset = await browser.get(path)
            assert asset.status_code == 200
            assert len(asset.content) > 10_000
    assert "img-src 'self' data:" in page.headers["Content-Security-Policy"]


async def test_contract_is_openapi_with_security_and_problems(gateway: RunningGateway) -> None:
    answer = await gateway.http.get("/openapi.json")
    document = answer.json()
    assert document["openapi"].startswith("3.1")
    assert document["components"]["securitySchemes"]["bearer"]["scheme"] == "bearer"
    assert document["security"] == [{"bearer": []}]
    kinds = [find_kind(name) for name in kind_names()]
    collections = [f"/api/v1/{k.definitions.collection}" for k in kinds if k.definitions]
    doors_of_kinds = {
        *collections,
        *(f"{collection}/{{name}}" for collection in collections),
        *(f"/api/v1/{form}" for kind in kinds for form in kind.forms),
    }
    assert set(document["paths"]) - doors_of_kinds == {
        "/api/v1/auth/login",
        "/api/v1/jobs",
        "/api/v1/jobs/{job_id}",
        "/api/v1/jobs/{job_id}/cancel",
        "/api/v1/jobs/{job_id}/pause",
        "/api/v1/jobs/{job_id}/resume",
        "/api/v1/jobs/{job_id}/retry",
        "/api/v1/jobs/{job_id}/explain",
        "/api/v1/jobs/{job_id}/tasks",
        "/api/v1/jobs/{job_id}/checkpoints",
        "/api/v1/jobs/{job_id}/results",
        "/api/v1/jobs/{job_id}/plots",
        "/api/v1/jobs/{job_id}/plots/{name}",
        "/api/v1/jobs/{job_id}/events",
        "/api/v1/uploads",
        "/api/v1/uploads/{upload_id}/finish",
        "/api/v1/uploads/{upload_id}",
        "/api/v1/artifacts/{artifact_id}",
        "/api/v1/datasets",
        "/api/v1/datasets/{name}",
        "/api/v1/models",
        "/api/v1/models/{name}",
        "/api/v1/models/{name}/versions",
        "/api/v1/models/{name}/predict",
        "/api/v1/workers",
        "/api/v1/workers/{worker_id}",
        "/api/v1/workers/{worker_id}/drain",
        "/api/v1/workers/{worker_id}/resume",
        "/api/v1/workers/{worker_id}/usage",
        "/api/v1/ws",
        "/health",
        "/health/live",
        "/metrics",
    }
    names = []
    for path, operations in document["paths"].items():
        for operation in operations.values():
            names.append(operation["operationId"])
            assert operation["summary"]
            assert operation["tags"]
            if path.startswith("/api/"):
                problems = [
                    response["content"]
                    for status, response in operation["responses"].items()
                    if int(status) >= 400
                ]
                assert problems
                assert all(list(p) == ["application/problem+json"] for p in problems)
    assert len(names) == len(set(names))
