"""Algorithms through the client: registered, listed, compared."""

import sys
from asyncio import to_thread
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from tensorfleet.shared.errors import (
    Conflict,
    DefinitionNotFound,
    InvalidInput,
    InvalidJob,
    NameTaken,
)
from tests.wire.sdk.conftest import Fleet

MODULE = "sorts_of_the_sdk_tests"
SOURCE = '''
import tensorfleet


@tensorfleet.algorithm(inputs=["random"], sizes=[10, 100], expected="n log n")
def my_sort(values):
    """Sorts."""
    return sorted(values)


def plain(values):
    return values
'''


@pytest.fixture
def code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with a module of algorithms, which can be imported."""
    folder = tmp_path / "src"
    folder.mkdir()
    (folder / f"{MODULE}.py").write_text(SOURCE)
    (folder / "package").mkdir()
    (folder / "package" / "__init__.py").write_text("")
    monkeypatch.syspath_prepend(folder)
    yield folder
    sys.modules.pop(MODULE, None)


def function(name: str) -> Callable[..., Any]:
    found: Callable[..., Any] = getattr(import_module(MODULE), name)
    return found


async def test_function_is_registered_with_its_code(fleet: Fleet, code: Path) -> None:
    sent: list[int] = []
    made = await to_thread(
        lambda: fleet.client.register_algorithm(
            function("my_sort"), code=code, on_bytes=sent.append
        )
    )
    assert (made.name, made.function) == ("my_sort", f"{MODULE}:my_sort")
    assert (made.sizes, made.expected) == ((10, 100), {"random": "n log n"})
    assert (made.builtin, made.owner, made.description) == (False, "admin", "Sorts.")
    files = fleet.gateway.storage.artifacts[("default", made.code)]
    assert [file.path for file in files] == ["package/__init__.py", f"{MODULE}.py"]
    assert sum(sent) == sum(file.size_bytes for file in files)
    assert await to_thread(fleet.client.algorithm, "my_sort") == made
    assert await to_thread(lambda: fleet.client.list_algorithms(builtin=False)) == [made]
    built_in = await to_thread(lambda: fleet.client.list_algorithms(builtin=True))
    assert "quick_sort" in [each.name for each in built_in]
    assert all(each.builtin for each in built_in)
    with pytest.raises(NameTaken):
        await to_thread(fleet.client.register_algorithm, function("my_sort"))
    await to_thread(fleet.client.delete_algorithm, "my_sort")
    with pytest.raises(DefinitionNotFound):
        await to_thread(fleet.client.algorithm, "my_sort")
    with pytest.raises(Conflict, match="built in"):
        await to_thread(fleet.client.delete_algorithm, "quick_sort")


async def test_description_is_registered_with_an_artifact_or_without_code(fleet: Fleet) -> None:
    document = {"name": "one", "function": "math:sqrt", "inputs": {"random": "random"}}
    made = await to_thread(lambda: fleet.client.register_algorithm(document, code="a" * 64))
    assert (made.name, made.code) == ("one", "a" * 64)
    again = await to_thread(fleet.client.register_algorithm, {**document, "name": "two"})
    assert again.code == ""
    assert not fleet.gateway.storage.uploads


@pytest.mark.parametrize(
    ("document", "fields"),
    [
        ({"name": "one", "funktion": "math:sqrt"}, {"function", "funktion"}),
        ({"name": "one two", "function": "math:sqrt"}, {"name"}),
        ({"name": "one", "function": "math.sqrt"}, {"function"}),
        (5, {"algorithm"}),
        (len, {"function"}),
    ],
)
async def test_wrong_algorithm_is_refused_before_anything_is_sent(
    fleet: Fleet, code: Path, document: Any, fields: set[str]
) -> None:
    with pytest.raises(InvalidInput) as caught:
        await to_thread(lambda: fleet.client.register_algorithm(document, code=code))
    assert {problem.field for problem in caught.value.fields} == fields
    assert fleet.relay.connection_count == 0


async def test_what_cannot_be_found_is_refused_before_anything_is_sent(
    fleet: Fleet, code: Path
) -> None:
    with pytest.raises(InvalidJob, match=r"package/other\.py"):
        await to_thread(
            lambda: fleet.client.register_algorithm(
                {"name": "one", "function": "package.other:f"}, code=code
            )
        )
    with pytest.raises(InvalidJob, match="is not a folder"):
        await to_thread(
            lambda: fleet.client.register_algorithm(function("my_sort"), code=code / "none")
        )
    with pytest.raises(InvalidInput, match="not decorated"):
        await to_thread(fleet.client.register_algorithm, function("plain"))
    with pytest.raises(NameTaken, match="built-in"):
        await to_thread(
            fleet.client.register_algorithm, {"name": "quick_sort", "function": "math:sqrt"}
        )
    assert fleet.relay.connection_count == 0


async def test_comparison_is_a_job_of_two_algorithms(fleet: Fleet, code: Path) -> None:
    job = await to_thread(
        lambda: fleet.client.compare(
            function("my_sort"), "tim_sort", code=code, sizes=[10], name="mine"
        )
    )
    assert (job.name, job.spec["compare"], job.spec["sizes"]) == ("mine", True, [10])
    mine, other = job.spec["algorithms"]
    assert (mine["function"], other) == (f"{MODULE}:my_sort", "tim_sort")
    assert ("default", job.code) in fleet.gateway.storage.artifacts
    by_name = await to_thread(
        lambda: fleet.client.compare(f"{MODULE}:my_sort", f"{MODULE}:plain", code=code)
    )
    assert by_name.spec["algorithms"] == [f"{MODULE}:my_sort", f"{MODULE}:plain"]
    assert by_name.code == job.code


async def test_comparison_by_the_client_is_that_of_the_rest_door(fleet: Fleet) -> None:
    mine = await to_thread(fleet.client.compare, "quick_sort", "merge_sort")
    answer = await fleet.gateway.http.post(
        "/api/v1/compare", json={"a": "quick_sort", "b": "merge_sort"}
    )
    assert answer.status_code == 201
    theirs = answer.json()
    assert (theirs["name"], theirs["spec"]) == (mine.name, mine.spec)


async def test_comparison_with_a_key_is_made_once(fleet: Fleet) -> None:
    jobs = [
        await to_thread(
            lambda: fleet.client.compare("quick_sort", "merge_sort", idempotency_key="once")
        )
        for _ in range(2)
    ]
    assert jobs[0].id == jobs[1].id


async def test_wrong_comparison_is_refused_before_anything_is_sent(fleet: Fleet) -> None:
    with pytest.raises(InvalidInput) as caught:
        await to_thread(
            lambda: fleet.client.compare("quick_sort", "merge_sort", sise=[10], seed="x")
        )
    assert {problem.field for problem in caught.value.fields} == {"sise", "seed"}
    assert fleet.relay.connection_count == 0
