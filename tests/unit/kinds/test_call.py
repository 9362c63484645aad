"""The kind `call`: what may be asked, which tasks it makes, and what each of them does."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from tensorfleet.kinds.call.job import call_job
from tensorfleet.kinds.outcome import EntrypointMissing
from tensorfleet.kinds.registry import find_kind
from tensorfleet.shared.errors import InvalidJob

CALL = find_kind("call")


def payloads(document: dict[str, Any]) -> list[dict[str, Any]]:
    return [dict(task.payload) for task in CALL.plan(CALL.parse_spec(document))]


def test_every_call_is_a_task_in_order() -> None:
    calls = [[1], {"args": [2], "kwargs": {"a": 3}}, {}]
    found = payloads({"function": "m:f", "calls": calls})
    assert found == [
        {"function": "m:f", "args": (1,)},
        {"function": "m:f", "args": (2,), "kwargs": {"a": 3}},
        {"function": "m:f"},
    ]


def test_a_hundred_thousand_calls_are_planned_and_one_more_is_refused() -> None:
    assert len(payloads({"function": "m:f", "count": 100_000})) == 100_000
    with pytest.raises(InvalidJob, match="1 to 100,000"):
        CALL.parse_spec({"function": "m:f", "count": 100_001})


def test_a_tasks_plan_is_small_and_says_that_it_shares_its_process() -> None:
    (task,) = CALL.plan(CALL.parse_spec({"function": "m:f", "calls": [[1]]}))
    text = '{"payload":{"function":"m:f","args":[1]},"shares_process":true}'
    assert msgspec.json.encode(task).decode() == text


def test_own_variables_need_a_new_process_instead_of_a_warm_one() -> None:
    document = {"function": "m:f", "count": 1, "preload": ["torch"]}
    (task,) = CALL.plan(CALL.parse_spec(document))
    assert task.preload == ("torch",)
    (task,) = CALL.plan(CALL.parse_spec({**document, "environment": {"A": "1"}}))
    assert task.preload == ()


@pytest.mark.parametrize(
    ("document", "field"),
    [
        ({"function": "f", "count": 1}, "spec.function"),
        ({"function": "a b:f", "count": 1}, "spec.function"),
        ({"function": "m:f"}, "spec.calls"),
        ({"function": "m:f", "count": 1, "calls": [[]]}, "spec.calls"),
        ({"function": "m:f", "calls": []}, "spec.calls"),
        ({"function": "m:f", "count": 0}, "spec.count"),
        ({"function": "m:f", "calls": [5]}, "spec.calls[0]"),
        ({"function": "m:f", "calls": [{"arguments": []}]}, "spec.calls[0]"),
        ({"function": "m:f", "count": 1, "preload": ["a/b"]}, "spec.preload[0]"),
        ({"function": "m:f", "count": 1, "environment": {"=": ""}}, "spec.environment.="),
    ],
)
def test_wrong_spec_names_its_field(document: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidJob) as raised:
        CALL.parse_spec(document)
    assert [problem.field for problem in raised.value.fields] == [field]


def test_module_must_be_in_the_code_folder_when_its_package_is() -> None:
    spec = CALL.parse_spec({"function": "package.module:f", "count": 1})
    CALL.check_code(spec, frozenset({"package/module.py"}))
    CALL.check_code(spec, frozenset({"other.py"}))
    with pytest.raises(InvalidJob, match=r"package/module\.py is not in the code"):
        CALL.check_code(spec, frozenset({"package/__init__.py"}))


def test_a_function_is_imported_once_and_gets_what_it_takes(tmp_path: Path) -> None:
    (tmp_path / "unit_called.py").write_text(
        "imports = []\nimports.append(1)\n"
        "def numbered(index): return [index, len(imports)]\n"
        "def plain(): return 'plain'\n"
        "class Shape:\n"
        "    @staticmethod\n"
        "    def area(a, b): return a * b\n"
    )
    call = CALL.serve(tmp_path)
    assert [call({"function": "unit_called:numbered", "index": n}) for n in (3, 4)] == [
        [3, 1],
        [4, 1],
    ]
    assert call({"function": "unit_called:plain", "index": 3}) == "plain"
    assert call({"function": "unit_called:Shape.area", "args": [2], "kwargs": {"b": 3}}) == 6
    assert isinstance(call({"function": "time:time", "index": 0}), float)


@pytest.mark.parametrize("function", ["no_such:f", "json.no_such:f", "json:no_such", "json:codecs"])
def test_function_that_is_not_there_says_so(function: str) -> None:
    with pytest.raises(EntrypointMissing):
        CALL.serve(None)({"function": function})


def test_a_call_needs_little_by_default_and_other_kinds_a_core() -> None:
    assert CALL.default_resources.cpus < 0.1
    assert find_kind("command").default_resources.cpus == 1


def test_the_job_of_some_calls_is_acceptable() -> None:
    job = call_job("m:f", [[1], {"kwargs": {"a": 1}}], code="src", preload=["json"])
    assert (job["name"], job["code"]) == ("m:f", "src")
    assert len(payloads(job["spec"])) == 2
    assert len(payloads(call_job("m:f", 4)["spec"])) == 4
