"""What a definition may be, and what a job needs of those that it names."""

from dataclasses import replace
from typing import Any

import pytest

from tensorfleet.orchestrator.definition import (
    as_its_kind_has_it,
    checked_document,
    definitions_of,
)
from tensorfleet.orchestrator.job_plan import definitions_named_in, parse_job, plan_job
from tensorfleet.shared.errors import InvalidInput, InvalidJob, UnknownKind
from tests.contract.orchestrator.test_definitions import definition
from tests.foreign.walk.route import Route
from tests.unit.orchestrator.job_examples import NOW, queued_job

LAKE = definition(document_json='{"name":"lake","steps":["wood"]}')


def spec_of(kind: str, spec_json: str) -> Any:
    return queued_job(kind=kind, spec_json=spec_json)[0].spec


def test_document_is_kept_in_its_shortest_form() -> None:
    written = ' {"pace": 4, "steps": ["wood"], "name": "lake"} '
    assert checked_document(definitions_of("walk"), "lake", written) == LAKE.document_json
    assert as_its_kind_has_it(LAKE) == Route(name="lake", steps=("wood",))


def test_kinds_that_name_nothing_have_no_definitions() -> None:
    with pytest.raises(InvalidInput, match="command jobs name nothing"):
        definitions_of("command")
    with pytest.raises(UnknownKind):
        definitions_of("dance")


def test_job_of_a_kind_without_definitions_names_none() -> None:
    spec = spec_of("command", '{"command": "true"}')
    assert definitions_named_in(spec, parse_job(spec)) == ()


def test_each_name_that_is_not_built_in_is_wanted_once() -> None:
    spec = spec_of("walk", '{"routes": ["lake", "circle", "sea", "lake"]}')
    assert definitions_named_in(spec, parse_job(spec)) == {"lake", "sea"}


def test_definition_of_an_older_version_is_told_from_a_wrong_job() -> None:
    spec = spec_of("walk", '{"routes": ["lake"]}')
    old = replace(LAKE, document_json='{"name":"lake","stops":3}')
    with pytest.raises(InvalidJob, match="'lake' does not fit this version any more"):
        plan_job(spec, parse_job(spec), {"lake": old}, owner="", project="", request_id="", now=NOW)
