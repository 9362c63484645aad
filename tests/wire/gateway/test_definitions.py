"""What users define and name in their jobs, over HTTP; the kind is of another distribution."""

import asyncio
import json
from dataclasses import replace
from typing import Any

import httpx
import pytest

from tensorfleet.gateway.users import ADMIN_NAME
from tests.wire.gateway.running_gateway import RunningGateway

ROUTES = "/api/v1/routes"
LAKE = {"name": "lake", "steps": ["wood", "shore"], "pace": 6}


async def define(gateway: RunningGateway, *names: str) -> None:
    for name in names:
        answer = await gateway.http.post(ROUTES, json={**LAKE, "name": name})
        assert answer.status_code == 201


async def read_all(gateway: RunningGateway, **query: Any) -> tuple[list[str], list[int]]:
    """The names in a list, and the sizes of its pages."""
    names: list[str] = []
    sizes: list[int] = []
    token = ""
    while True:
        answer = await gateway.http.get(ROUTES, params={**query, "page_token": token})
        assert answer.status_code == 200
        page = answer.json()
        names += [route["name"] for route in page["routes"]]
        sizes.append(len(page["routes"]))
        token = page["next_page_token"]
        if not token:
            return names, sizes


async def test_created_one_is_shown_with_its_owner(gateway: RunningGateway) -> None:
    answer = await gateway.http.post(ROUTES, json=LAKE)
    assert answer.status_code == 201
    assert answer.headers["Location"] == f"{ROUTES}/lake"
    made = answer.json()
    assert made.pop("create_time").endswith("Z")
    assert made == {**LAKE, "builtin": False, "owner": "admin"}
    shown = (await gateway.http.get(answer.headers["Location"])).json()
    assert shown == answer.json()
    kept = await gateway.definitions.get("default", "walk", "lake")
    assert json.loads(kept.document_json) == LAKE


async def test_built_in_one_is_shown_and_stays(gateway: RunningGateway) -> None:
    shown = await gateway.http.get(f"{ROUTES}/circle")
    circle = {"name": "circle", "steps": ["out", "round", "home"], "pace": 4}
    assert shown.json() == {**circle, "builtin": True, "owner": "", "create_time": None}
    deleted = await gateway.http.delete(f"{ROUTES}/circle")
    assert (deleted.status_code, deleted.json()["code"]) == (409, "CONFLICT")
    assert "'circle' is built in" in deleted.json()["detail"]
    taken = await gateway.http.post(ROUTES, json={**LAKE, "name": "circle"})
    assert (taken.status_code, taken.json()["code"]) == (409, "NAME_TAKEN")


async def test_name_is_taken_once_until_it_is_deleted(gateway: RunningGateway) -> None:
    await define(gateway, "lake")
    again = await gateway.http.post(ROUTES, json={**LAKE, "pace": 1})
    assert (again.status_code, again.json()["code"]) == (409, "NAME_TAKEN")
    assert "delete" in again.json()["detail"]
    deleted = await gateway.http.delete(f"{ROUTES}/lake")
    assert (deleted.status_code, deleted.content) == (204, b"")
    for method in ("GET", "DELETE"):
        gone = await gateway.http.request(method, f"{ROUTES}/lake")
        assert (gone.status_code, gone.json()["code"]) == (404, "DEFINITION_NOT_FOUND")
    await define(gateway, "lake")


async def test_same_idempotency_key_has_the_first_answer(gateway: RunningGateway) -> None:
    headers = {"Idempotency-Key": "once"}
    answers = await asyncio.gather(
        *(gateway.http.post(ROUTES, json=LAKE, headers=headers) for _ in range(4))
    )
    assert [answer.status_code for answer in answers] == [201] * 4
    assert len({answer.content for answer in answers}) == 1
    other = await gateway.http.post(ROUTES, json={**LAKE, "pace": 1}, headers=headers)
    assert (other.status_code, other.json()["code"]) == (409, "NAME_TAKEN")
    long = await gateway.http.post(ROUTES, json=LAKE, headers={"Idempotency-Key": "k" * 129})
    assert (long.status_code, long.json()["errors"][0]["field"]) == (400, "Idempotency-Key")


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({"name": 5, "steps": "x", "pase": 1}, {"name", "steps", "pase"}),
        ({"name": "lake"}, {"steps"}),
        ({"name": "lake", "steps": []}, {"steps"}),
        ({"name": "a b", "steps": ["x"]}, {"name"}),
        ({**LAKE, "builtin": True}, {"builtin"}),
        ([], {"body"}),
    ],
)
async def test_wrong_one_names_every_field(
    gateway: RunningGateway, body: Any, fields: set[str]
) -> None:
    answer = await gateway.http.post(ROUTES, json=body)
    assert answer.status_code == 400
    assert {problem["field"] for problem in answer.json()["errors"]} == fields
    assert (await read_all(gateway, builtin=False))[0] == []


async def test_too_long_one_is_refused(gateway: RunningGateway) -> None:
    answer = await gateway.http.post(ROUTES, json={**LAKE, "steps": ["x" * 40_000]})
    assert (answer.status_code, answer.json()["code"]) == (413, "TOO_LARGE")


@pytest.mark.parametrize(
    ("page_size", "sizes"),
    [(0, [7]), (1, [1] * 7), (2, [2, 2, 2, 1]), (3, [3, 3, 1]), (6, [6, 1]), (7, [7])],
)
async def test_list_has_the_built_in_ones_then_the_project_s(
    gateway: RunningGateway, page_size: int, sizes: list[int]
) -> None:
    await define(gateway, "e", "a", "d", "b", "c")
    names, found_sizes = await read_all(gateway, page_size=page_size)
    assert names == ["circle", "line", "a", "b", "c", "d", "e"]
    assert found_sizes == sizes


async def test_list_is_filtered_by_builtin(gateway: RunningGateway) -> None:
    await define(gateway, "b", "a")
    assert await read_all(gateway, builtin=True) == (["circle", "line"], [2])
    assert await read_all(gateway, builtin=True, page_size=1) == (["circle", "line"], [1, 1])
    assert await read_all(gateway, builtin=False) == (["a", "b"], [2])
    assert await read_all(gateway, builtin=False, page_size=1) == (["a", "b"], [1, 1])
    token = (await gateway.http.get(ROUTES, params={"page_size": 1})).json()["next_page_token"]
    for query in ({"builtin": True, "page_token": token}, {"page_token": "x"}):
        answer = await gateway.http.get(ROUTES, params=query)
        assert (answer.status_code, answer.json()["code"]) == (400, "INVALID_PAGE_TOKEN")
    odd = await gateway.http.get(ROUTES, params={"builtin": "perhaps"})
    assert odd.json()["errors"][0]["field"] == "builtin"


async def test_one_that_an_older_version_kept_can_be_seen_and_deleted(
    gateway: RunningGateway,
) -> None:
    await define(gateway, "lake")
    lake = await gateway.definitions.get("default", "walk", "lake")
    await gateway.definitions.create(
        replace(lake, name="old", document_json='{"name": "old", "steps": "wood"}')
    )
    assert (await read_all(gateway, builtin=False))[0] == ["lake", "old"]
    old = (await gateway.http.get(f"{ROUTES}/old")).json()
    assert (old["steps"], old["builtin"], old["owner"]) == ("wood", False, "admin")
    assert (await gateway.http.delete(f"{ROUTES}/old")).status_code == 204


async def test_other_project_sees_only_the_built_in_ones(gateway: RunningGateway) -> None:
    await define(gateway, "lake")
    admin = await gateway.users.find(ADMIN_NAME)
    assert admin is not None
    token = gateway.tokens.issue(replace(admin, name="eve", project="other"))
    headers = {"Authorization": f"Bearer {token}"}
    listed = await gateway.http.get(ROUTES, headers=headers)
    assert [route["name"] for route in listed.json()["routes"]] == ["circle", "line"]
    for method in ("GET", "DELETE"):
        answer = await gateway.http.request(method, f"{ROUTES}/lake", headers=headers)
        assert answer.status_code == 404
    mine = await gateway.http.post(ROUTES, json=LAKE, headers=headers)
    assert (mine.status_code, mine.json()["owner"]) == (201, "eve")


async def test_every_door_of_a_kind_needs_a_token(gateway: RunningGateway) -> None:
    async with httpx.AsyncClient(base_url=gateway.url, trust_env=False) as stranger:
        for method, path in (
            ("GET", ROUTES),
            ("POST", ROUTES),
            ("GET", f"{ROUTES}/circle"),
            ("DELETE", f"{ROUTES}/circle"),
            ("POST", "/api/v1/stroll"),
        ):
            assert (await stranger.request(method, path)).status_code == 401, path


async def test_form_becomes_a_job(gateway: RunningGateway) -> None:
    body = {"there": "lake", "back": "line", "code": "a" * 64}
    answer = await gateway.http.post("/api/v1/stroll", json=body)
    assert answer.status_code == 201
    job = answer.json()
    assert answer.headers["Location"] == f"/api/v1/jobs/{job['id']}"
    assert (job["kind"], job["name"], job["code"]) == ("walk", "lake and line", "a" * 64)
    assert job["spec"] == {"routes": ["lake", "line"]}
    assert (await gateway.http.get(answer.headers["Location"])).json() == job


async def test_form_and_job_share_idempotency_keys(gateway: RunningGateway) -> None:
    headers = {"Idempotency-Key": "once"}
    body = {"there": "lake", "back": "line"}
    job = (await gateway.http.post("/api/v1/stroll", json=body, headers=headers)).json()
    again = (await gateway.http.post("/api/v1/stroll", json=body, headers=headers)).json()
    whole = {"kind": "walk", "name": "lake and line", "spec": {"routes": ["lake", "line"]}}
    long = (await gateway.http.post("/api/v1/jobs", json=whole, headers=headers)).json()
    assert again == long == job
    other = await gateway.http.post(
        "/api/v1/stroll", json={**body, "back": "lake"}, headers=headers
    )
    assert (other.status_code, other.json()["code"]) == (409, "IDEMPOTENCY_CONFLICT")


async def test_form_takes_whole_descriptions(gateway: RunningGateway) -> None:
    body = {"there": {"name": "own", "steps": ["up"]}, "back": "line"}
    job = (await gateway.http.post("/api/v1/stroll", json=body)).json()
    assert job["name"] == "own and line"
    assert job["spec"] == {"routes": [{"name": "own", "steps": ["up"]}, "line"]}


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({"there": "lake", "bck": "line"}, {"back", "bck"}),
        ({"there": 1, "back": "line"}, {"there"}),
        ({"there": {"name": "x", "stops": 1}, "back": "line"}, {"there.steps", "there.stops"}),
        ({"there": "forbidden", "back": "line"}, {"spec.x"}),
        ({"there": "lake", "back": "line", "name": "a\nb"}, {"name"}),
    ],
)
async def test_wrong_form_names_every_field(
    gateway: RunningGateway, body: Any, fields: set[str]
) -> None:
    answer = await gateway.http.post("/api/v1/stroll", json=body)
    assert answer.status_code == 400
    assert {problem["field"] for problem in answer.json()["errors"]} == fields
    assert not gateway.orchestrator.jobs


async def test_contract_has_the_kind_s_own_shapes(gateway: RunningGateway) -> None:
    document = (await gateway.http.get("/openapi.json")).json()
    schemas = document["components"]["schemas"]

    def shape(operation: Any, status: str = "") -> Any:
        part = operation["responses"][status] if status else operation["requestBody"]
        name = part["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
        return schemas[name]

    routes = document["paths"][ROUTES]
    assert set(shape(routes["post"])["properties"]) == {"name", "steps", "pace"}
    shown = {"name", "steps", "pace", "builtin", "owner", "create_time"}
    assert set(shape(routes["post"], "201")["properties"]) == shown
    assert set(shape(routes["get"], "200")["properties"]) == {"routes", "next_page_token"}
    one = document["paths"][f"{ROUTES}/{{name}}"]
    assert set(shape(one["get"], "200")["properties"]) == shown
    assert "204" in one["delete"]["responses"]
    stroll = document["paths"]["/api/v1/stroll"]["post"]
    assert set(shape(stroll)["properties"]) == {"there", "back", "name", "code"}
    assert "kind" in shape(stroll, "201")["properties"]
    assert "Goes one way and another." in stroll["description"]
    assert {"name": "routes", "description": "What walk jobs may name"} in document["tags"]
