"""Checks of requests against their shapes."""

from typing import Annotated, Any, Literal

import msgspec
import pytest
from msgspec import Meta

from tensorfleet.shared.errors import InvalidInput, InvalidJob
from tensorfleet.shared.rest.checking import check_document


class Part(msgspec.Struct, forbid_unknown_fields=True):
    number: Annotated[int, Meta(ge=1)]
    kind: Literal["a", "b"] = "a"


class Whole(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    name: Annotated[str, Meta(max_length=3)]
    parts: list[Part] = []
    best: Part | None = None
    named: Annotated[str | Part, Meta(description="x")] = ""
    words: dict[str, int] = {}
    more: list[Any] = []


def problems(document: Any) -> dict[str, str]:
    with pytest.raises(InvalidInput) as caught:
        check_document(document, Whole)
    return {problem.field: problem.message for problem in caught.value.fields}


def test_good_document() -> None:
    whole = check_document({"name": "x", "parts": [{"number": 1}], "best": None}, Whole)
    assert whole.parts[0] == Part(number=1)


def test_fields_within_lists_objects_and_dicts_are_named() -> None:
    document = {
        "name": "long",
        "parts": [{"number": 1}, {"number": 0, "kind": "c"}, 3],
        "best": {"nr": 1},
        "words": {"a": "b"},
        "more": {},
    }
    assert problems(document) == {
        "name": "must be of length <= 3",
        "parts[1].number": "must be >= 1",
        "parts[1].kind": "must be one of a, b",
        "parts[2]": "must be an object with the fields number, kind, not a whole number",
        "best.nr": "is not a field here; the fields are number, kind",
        "best.number": "is missing; it is required",
        "words.a": "must be a whole number, not text",
        "more": "must be a list, not an object",
    }


def test_object_or_text_may_be_either() -> None:
    for named in ("x", {"number": 1}):
        assert check_document({"name": "x", "named": named}, Whole)
        assert set(problems({"name": "long", "named": named})) == {"name"}
    assert problems({"name": "x", "named": 1}) == {
        "named": "must be text or an object, not a whole number"
    }
    assert set(problems({"name": "x", "named": {"nr": 1}})) == {"named.nr", "named.number"}


@pytest.mark.parametrize("document", [None, 1, "x", [], True])
def test_document_that_is_no_object(document: Any) -> None:
    (field,) = problems(document)
    assert field == "body"


def test_numbers_as_text_are_not_taken() -> None:
    assert problems({"name": "x", "best": {"number": "1"}}) == {
        "best.number": "must be a whole number, not text"
    }


def test_error_class_is_the_callers_choice() -> None:
    with pytest.raises(InvalidJob, match="the job is wrong: name: is missing"):
        check_document({}, Whole, InvalidJob, "job")
