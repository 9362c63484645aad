"""The examples are load tests that may be asked for."""

from pathlib import Path

import msgspec
import pytest
import yaml

from tensorfleet.kinds.loadtest.campaign.objective import parse_thresholds
from tensorfleet.kinds.loadtest.cases.case import StepsCase
from tensorfleet.kinds.loadtest.cases.loader import load_case
from tensorfleet.kinds.loadtest.spec import Spec

FOLDER = Path(__file__).parents[4] / "examples" / "loadtest"


@pytest.mark.parametrize("file", sorted(FOLDER.glob("*.yaml")), ids=lambda file: str(file.name))
def test_example_is_a_spec_whose_case_is_there(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(FOLDER))
    document = yaml.safe_load(file.read_text())
    spec = msgspec.convert(document.get("spec", document), Spec)
    parse_thresholds(spec.thresholds)
    if spec.case:
        case = load_case(spec.case, FOLDER)
        assert case.__doc__
        assert issubclass(case, StepsCase) == (spec.case == "fibonacci")
