"""What every store of definitions keeps its word on."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tensorfleet.orchestrator.definition import Definition
from tensorfleet.orchestrator.store.definition_store import DefinitionStore
from tensorfleet.shared.errors import DefinitionNotFound, NameTaken
from tests.unit.orchestrator.job_examples import NOW


def definition(name: str = "lake", **changes: Any) -> Definition:
    """A definition of the default project."""
    fields = {"project": "default", "kind": "walk", "owner": "ann", "create_time": NOW, **changes}
    return Definition(name=name, **{"document_json": f'{{"name":"{name}"}}', **fields})


async def names(store: DefinitionStore, project: str = "default", kind: str = "walk") -> list[str]:
    """All that a project has."""
    found = await store.list_after(project, kind, after_name=None, limit=1000)
    return [each.name for each in found]


async def test_what_was_created_is_found_as_it_was(definitions: DefinitionStore) -> None:
    made = definition(document_json='{"a.b":{"$c":[1,null]}}', request_id="r")
    assert await definitions.create(made) == made
    assert await definitions.get("default", "walk", "lake") == made
    assert await definitions.find("default", "walk", ["lake", "none"]) == {"lake": made}
    assert await definitions.find("default", "walk", []) == {}


async def test_projects_and_kinds_have_names_of_their_own(definitions: DefinitionStore) -> None:
    for project, kind in (("default", "walk"), ("default", "swim"), ("other", "walk")):
        await definitions.create(definition(project=project, kind=kind, owner=project + kind))
    assert (await definitions.get("other", "walk", "lake")).owner == "otherwalk"
    assert (await definitions.find("default", "swim", ["lake"]))["lake"].owner == "defaultswim"
    await definitions.delete("default", "walk", "lake")
    assert await names(definitions) == []
    assert await names(definitions, "other") == await names(definitions, kind="swim") == ["lake"]
    with pytest.raises(DefinitionNotFound, match="'lake'"):
        await definitions.get("default", "walk", "lake")
    assert await definitions.find("default", "walk", ["lake"]) == {}


async def test_name_is_taken_once(definitions: DefinitionStore) -> None:
    first = await definitions.create(definition())
    for changes in ({}, {"owner": "bob"}, {"document_json": "{}"}, {"request_id": "r"}):
        with pytest.raises(NameTaken, match="'lake'"):
            await definitions.create(definition(**changes))
    assert await definitions.get("default", "walk", "lake") == first


async def test_repeated_request_has_the_first_answer(definitions: DefinitionStore) -> None:
    first = await definitions.create(definition(request_id="r"))
    later = replace(first, create_time=NOW + timedelta(seconds=1))
    assert await definitions.create(later) == first
    for other in (
        replace(later, request_id="other"),
        replace(later, owner="bob"),
        replace(later, document_json="{}"),
    ):
        with pytest.raises(NameTaken):
            await definitions.create(other)


async def test_one_of_many_at_once_gets_the_name(definitions: DefinitionStore) -> None:
    made = [definition(owner=f"user-{number}") for number in range(8)]
    ends = await asyncio.gather(*map(definitions.create, made), return_exceptions=True)
    won = [end for end in ends if isinstance(end, Definition)]
    assert len(won) == 1
    assert sum(isinstance(end, NameTaken) for end in ends) == 7
    assert await definitions.get("default", "walk", "lake") == won[0]


async def test_list_is_by_name_and_goes_on_behind_one(definitions: DefinitionStore) -> None:
    for name in ("c", "a", "B", "d"):
        await definitions.create(definition(name))
    assert await names(definitions) == ["B", "a", "c", "d"]
    page = await definitions.list_after("default", "walk", after_name="a", limit=1)
    assert [each.name for each in page] == ["c"]
    # The one that a page ended with may be gone when the next is asked for.
    await definitions.delete("default", "walk", "c")
    page = await definitions.list_after("default", "walk", after_name="c", limit=5)
    assert [each.name for each in page] == ["d"]


async def test_deleted_name_is_free_again(definitions: DefinitionStore) -> None:
    with pytest.raises(DefinitionNotFound):
        await definitions.delete("default", "walk", "lake")
    await definitions.create(definition())
    await definitions.delete("default", "walk", "lake")
    with pytest.raises(DefinitionNotFound, match="'lake'"):
        await definitions.delete("default", "walk", "lake")
    again = await definitions.create(definition(owner="bob"))
    assert await definitions.get("default", "walk", "lake") == again
