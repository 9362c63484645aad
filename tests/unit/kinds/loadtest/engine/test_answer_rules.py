"""What an answer must be, and what is taken from it."""

from typing import Any

import pytest

from tensorfleet.kinds.loadtest.engine.answer_rules import AnswerRules, WrongAnswer
from tensorfleet.kinds.loadtest.spec import Checks, Step
from tensorfleet.shared.errors import InvalidInput

BODY = b'{"user": {"name": "ann", "age": 7, "tags": ["a", {"b": null}]}, "ok": true}'


def rules(extract: dict[str, str] | None = None, **checks: Any) -> AnswerRules:
    return AnswerRules(Step(checks=Checks(**checks), extract=extract or {}))


def taken(source: str, fields: dict[str, str] | None = None) -> str:
    values: dict[str, str] = {}
    rules({"it": source}).look_inside(fields or {}, BODY, values)
    return values["it"]


def test_statuses_below_400_are_good_unless_others_are_asked_for() -> None:
    assert rules().good_statuses == set(range(200, 400))
    assert rules(status=(404, 201)).good_statuses == {201, 404}


def test_only_what_is_asked_for_is_looked_into() -> None:
    assert not rules(status=(200,)).looks_inside
    assert rules(body_contains="x").looks_inside
    assert rules({"a": "json:a"}).looks_inside


@pytest.mark.parametrize(
    "checks",
    [
        {"body_contains": "ann"},
        {"body_matches": r'"age":\s*\d'},
        {"json_equals": {"user.name": "ann", "user.tags.0": "a", "ok": True, "user.age": 7}},
        {"json_equals": {"user.tags.1": {"b": None}}},
    ],
)
def test_an_answer_that_is_as_it_must_be_passes(checks: dict[str, Any]) -> None:
    rules(**checks).look_inside({}, BODY, {})


@pytest.mark.parametrize(
    ("checks", "body", "message"),
    [
        ({"body_contains": "bob"}, BODY, "does not contain 'bob'"),
        ({"body_matches": "^x"}, BODY, "does not match"),
        ({"json_equals": {"user.name": "bob"}}, BODY, "user.name is 'ann', not 'bob'"),
        ({"json_equals": {"user.tags.9": 1}}, BODY, "is None, not 1"),
        ({"json_equals": {"user.tags.²": 1}}, BODY, "is None, not 1"),
        ({"json_equals": {"a": 1}}, b"<html>", "is not JSON"),
        ({"json_equals": {"a": 1}}, b"[" * 100_000, "is not JSON"),
        ({"json_equals": {"a": 1}}, b"\xff", "is not JSON"),
    ],
)
def test_an_answer_that_is_not_is_told(checks: dict[str, Any], body: bytes, message: str) -> None:
    with pytest.raises(WrongAnswer, match=message) as wrong:
        rules(**checks).look_inside({}, body, {})
    assert wrong.value.code == "CHECK"


def test_values_are_taken_from_json_headers_and_texts() -> None:
    assert taken("json:user.name") == "ann"
    assert taken("json:user.age") == "7"
    assert taken("json:user.tags") == '["a",{"b":null}]'
    assert taken("header:X-Token", {"x-token": "t"}) == "t"
    assert taken(r"regex:\"(\w)\w*\": {") == "u"
    assert taken("regex:ann") == "ann"
    assert taken("regex:(x)?ann") == ""


@pytest.mark.parametrize("source", ["json:nobody", "json:user.tags.1.b", "header:X", "regex:zzz"])
def test_a_value_that_is_not_there_is_told(source: str) -> None:
    with pytest.raises(WrongAnswer, match="there is no it") as wrong:
        taken(source)
    assert wrong.value.code == "EXTRACT"


@pytest.mark.parametrize("source", ["", "xpath://a", "header:", "regex:"])
def test_a_source_that_is_none_is_refused(source: str) -> None:
    with pytest.raises(InvalidInput, match=r"extract\.it must be"):
        taken(source)


def test_a_pattern_that_is_none_is_refused() -> None:
    with pytest.raises(InvalidInput, match="not a regular expression"):
        rules(body_matches="(")
    with pytest.raises(InvalidInput, match="not a regular expression"):
        rules({"it": "regex:("})
