"""Definitions through the client, of a kind of another distribution."""

from asyncio import to_thread

import pytest

from tensorfleet.shared.errors import (
    Conflict,
    DefinitionNotFound,
    InvalidInput,
    NameTaken,
    NotFound,
)
from tests.contract.orchestrator.test_definitions import definition
from tests.wire.sdk.conftest import Fleet

LAKE = {"name": "lake", "steps": ["wood", "shore"]}


async def names(fleet: Fleet, builtin: bool | None = None, collection: str = "routes") -> list[str]:
    found = await to_thread(lambda: list(fleet.client.definitions(collection, builtin=builtin)))
    return [each["name"] for each in found]


async def test_definition_is_made_read_and_deleted(fleet: Fleet) -> None:
    made = await to_thread(fleet.client.define, "routes", LAKE)
    assert {**LAKE, "pace": 4, "builtin": False, "owner": "admin"}.items() <= made.items()
    assert await to_thread(fleet.client.definition, "routes", "lake") == made
    await to_thread(fleet.client.delete_definition, "routes", "lake")
    with pytest.raises(DefinitionNotFound):
        await to_thread(fleet.client.definition, "routes", "lake")
    with pytest.raises(DefinitionNotFound):
        await to_thread(fleet.client.delete_definition, "routes", "lake")


async def test_list_is_read_page_by_page_and_filtered(fleet: Fleet) -> None:
    own = [f"route-{number:03}" for number in range(450)]
    for name in own:
        await fleet.gateway.definitions.create(
            definition(name, document_json=f'{{"name":"{name}","steps":["x"]}}')
        )
    assert await names(fleet) == ["circle", "line", *own]
    assert await names(fleet, builtin=True) == ["circle", "line"]
    assert await names(fleet, builtin=False) == own


async def test_refusals_are_the_errors_that_fit(fleet: Fleet) -> None:
    await to_thread(fleet.client.define, "routes", LAKE)
    with pytest.raises(NameTaken):
        await to_thread(fleet.client.define, "routes", LAKE)
    with pytest.raises(Conflict, match="built in"):
        await to_thread(fleet.client.delete_definition, "routes", "circle")
    with pytest.raises(InvalidInput) as caught:
        await to_thread(fleet.client.define, "routes", {"name": "x", "stops": []})
    assert {problem.field for problem in caught.value.fields} == {"steps", "stops"}
    for collection in ("nothing", "a/b"):
        with pytest.raises(NotFound):
            await names(fleet, collection=collection)


async def test_same_key_has_the_first_answer(fleet: Fleet) -> None:
    first = await to_thread(fleet.client.define, "routes", LAKE, idempotency_key="once")
    again = await to_thread(fleet.client.define, "routes", LAKE, idempotency_key="once")
    assert again == first
