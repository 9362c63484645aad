"""JUnit reports."""

from xml.etree import ElementTree as ET

from msgspec.structs import replace

from tensorfleet.kinds.loadtest.reporting.junit import junit_report
from tests.unit.kinds.loadtest.documents_by_hand import document, point


def suite(report: bytes) -> ET.Element:
    found = ET.fromstring(report).find("testsuite")  # noqa: S314 - made here
    assert found is not None
    return found


def test_each_threshold_and_each_point_is_a_case() -> None:
    made = suite(junit_report(document(is_full=True)))
    assert made.attrib["tests"] == "5"
    assert (made.attrib["failures"], made.attrib["errors"]) == ("1", "0")
    failed = [case for case in made if case.find("failure") is not None]
    assert [(case.get("classname"), case.get("name")) for case in failed] == [
        ("300/s", "errors<0.1%")
    ]
    assert "measured 1.3 %" in failed[0][0].attrib["message"]


def test_invalid_points_and_interruptions_do_not_pass() -> None:
    broken = replace(document(point(is_valid=False)), interrupted=True)
    made = suite(junit_report(broken))
    assert (made.attrib["failures"], made.attrib["errors"]) == ("1", "1")
    messages = [child.attrib["message"] for case in made for child in case]
    assert messages[0].startswith("INVALID: GENERATOR_LATE")


def test_odd_texts_stay_xml() -> None:
    odd = replace(point(), label="<a>&\x00\x1b[31m\ud800")
    made = suite(junit_report(document(odd, name="]]>\x07")))
    assert any(str(case.get("classname")).startswith("<a>&") for case in made)
