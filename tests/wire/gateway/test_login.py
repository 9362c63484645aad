"""Who may come in."""

import base64
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import httpx
import jwt
import pytest
import pytest_asyncio

from tensorfleet.gateway.tokens import Tokens
from tensorfleet.gateway.users import ADMIN_NAME, Role, User
from tests.wire.gateway.running_gateway import (
    JWT_SECRET,
    PASSWORD,
    RunningGateway,
    gateway_running,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")

LOGIN = "/api/v1/auth/login"
NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gateway() -> AsyncIterator[RunningGateway]:
    """One for all tests here, as none of them changes what another one sees."""
    async with gateway_running() as running:
        yield running


def somebody(project: str = "default", name: str = "eve") -> User:
    return User(name=name, password_hash="", role=Role.USER, project=project, create_time=NOW)


def anonymous(gateway: RunningGateway) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=gateway.url, trust_env=False)


async def test_right_password_gives_a_token_that_works(gateway: RunningGateway) -> None:
    async with anonymous(gateway) as http:
        answer = await http.post(LOGIN, json={"username": ADMIN_NAME, "password": PASSWORD})
        assert answer.status_code == 200
        token = answer.json()
        assert token["token_type"] == "Bearer"
        assert token["expires_in_seconds"] == 3600
        headers = {"Authorization": f"Bearer {token['access_token']}"}
        jobs = await http.get("/api/v1/jobs", headers=headers)
    assert jobs.status_code == 200


async def test_wrong_password_and_unknown_user_get_the_same_answer(
    gateway: RunningGateway,
) -> None:
    answers = []
    async with anonymous(gateway) as http:
        for name, password in ((ADMIN_NAME, "wrong"), ("nobody", PASSWORD)):
            answer = await http.post(LOGIN, json={"username": name, "password": password})
            body = answer.json()
            assert body.pop("request_id") == answer.headers["X-Request-ID"]
            answers.append((answer.status_code, body, answer.headers["WWW-Authenticate"]))
    assert answers[0] == answers[1]
    assert answers[0][0] == 401
    assert answers[0][1]["code"] == "UNAUTHENTICATED"


@pytest.mark.parametrize(
    "body",
    [
        {"username": ADMIN_NAME},
        {"username": ADMIN_NAME, "password": PASSWORD, "admin": True},
        {"username": 1, "password": PASSWORD},
        {"username": "", "password": ""},
        [],
    ],
)
async def test_malformed_login_is_refused(gateway: RunningGateway, body: object) -> None:
    async with anonymous(gateway) as http:
        answer = await http.post(LOGIN, json=body)
    assert answer.status_code == 400
    assert answer.json()["errors"]


def forged_tokens() -> dict[str, str]:
    """Tokens that are not good, by what is wrong with them."""

    def clock() -> datetime:
        return datetime.now(UTC)

    hour = timedelta(hours=1)
    good = Tokens(JWT_SECRET, hour).issue(somebody())
    head, claims, signature = good.split(".")
    other_claims = json.loads(base64.urlsafe_b64decode(claims + "=="))
    other_claims["project"] = "another"
    changed = base64.urlsafe_b64encode(json.dumps(other_claims).encode()).decode().rstrip("=")
    no_expiry = {key: value for key, value in other_claims.items() if key != "exp"}
    return {
        "no token at all": "hello",
        "other secret": Tokens("x" * 40, hour).issue(somebody()),
        "changed claims": f"{head}.{changed}.{signature}",
        "without signature": f"{head}.{claims}.",
        "alg none": jwt.encode(other_claims, "", algorithm="none"),
        "other algorithm": jwt.encode(other_claims, JWT_SECRET * 2, algorithm="HS512"),
        "expired": Tokens(JWT_SECRET, hour, lambda: clock() - 2 * hour).issue(somebody()),
        "no expiry": jwt.encode(no_expiry, JWT_SECRET, algorithm="HS256"),
        "unknown role": jwt.encode({**other_claims, "role": "god"}, JWT_SECRET, algorithm="HS256"),
        "other issuer": jwt.encode({**other_claims, "iss": "x"}, JWT_SECRET, algorithm="HS256"),
    }


@pytest.mark.parametrize("flaw", list(forged_tokens()))
async def test_token_that_is_not_good_is_refused(gateway: RunningGateway, flaw: str) -> None:
    token = forged_tokens()[flaw]
    async with anonymous(gateway) as http:
        answer = await http.get("/api/v1/jobs", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["code"] == "UNAUTHENTICATED"


async def test_token_expires(gateway: RunningGateway) -> None:
    short = Tokens(JWT_SECRET, timedelta(seconds=1), lambda: NOW)
    token = short.issue(somebody())
    assert short.read(token).user == "eve"
    async with anonymous(gateway) as http:
        answer = await http.get("/api/v1/jobs", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 401
    assert "expired" in answer.json()["detail"]


async def test_every_route_but_the_public_ones_needs_a_token(gateway: RunningGateway) -> None:
    document = (await gateway.http.get("/openapi.json")).json()
    open_routes = set()
    async with anonymous(gateway) as http:
        for path, operations in document["paths"].items():
            for method, operation in operations.items():
                url = path.replace("{", "").replace("}", "")
                answer = await http.request(method, url)
                if answer.status_code != 401 or path == LOGIN:
                    open_routes.add(path)
                    assert operation["security"] == [{}]
                else:
                    assert "401" in operation["responses"]
    # A socket says who it is in its handshake or its first message.
    assert open_routes == {LOGIN, "/api/v1/ws", "/health", "/health/live", "/metrics"}


async def test_user_of_another_project_does_not_see_a_job(gateway: RunningGateway) -> None:
    created = await gateway.http.post("/api/v1/jobs", json={"kind": "train"})
    location = created.headers["Location"]
    token = gateway.tokens.issue(somebody(project="another"))
    async with anonymous(gateway) as http:
        http.headers["Authorization"] = f"bearer {token}"
        for path in (location, f"{location}/tasks", f"{location}/events"):
            answer = await http.get(path)
            assert answer.status_code == 404
            assert answer.json()["code"] == "JOB_NOT_FOUND"
        assert (await http.get("/api/v1/jobs")).json()["jobs"] == []
    assert (await gateway.http.get(location)).json()["owner"] == ADMIN_NAME


async def test_web_page_of_an_allowed_origin_may_call_and_others_not() -> None:
    asked = {"Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "x-a"}
    async with gateway_running(cors_allowed_origins="https://a.example, https://b.example") as g:
        for origin, is_allowed in (("https://b.example", True), ("https://c.example", False)):
            answer = await g.http.options("/api/v1/jobs", headers={"Origin": origin, **asked})
            allowed = answer.headers.get("Access-Control-Allow-Origin")
            assert (allowed == origin) is is_allowed


async def test_no_web_page_may_call_by_default(gateway: RunningGateway) -> None:
    answer = await gateway.http.get("/api/v1/jobs", headers={"Origin": "https://a.example"})
    assert answer.status_code == 200
    assert "Access-Control-Allow-Origin" not in answer.headers
