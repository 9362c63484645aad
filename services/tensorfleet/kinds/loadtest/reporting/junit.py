"""A document as a JUnit report: thresholds and validity are its test cases."""

import re
from xml.etree import ElementTree as ET

from tensorfleet.kinds.loadtest.record import Document, Point, ThresholdResult
from tensorfleet.kinds.loadtest.reporting.redaction import without_secrets
from tensorfleet.kinds.loadtest.reporting.verdict import broken_text

# XML 1.0 has no way to write them.
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit_report(document: Document) -> bytes:
    """XML as Jenkins, GitLab and others read it."""
    config = without_secrets(document.config)
    name = _clean(str(config.get("name") or config.get("target") or "load test"))
    suite = ET.Element("testsuite", name=f"tensorfleet loadtest: {name}")
    if document.started_at:
        suite.set("timestamp", _clean(document.started_at))
    failed = errors = 0
    for result in document.thresholds:
        failed += _add_threshold(suite, result)
    for point in document.points:
        failed += _add_validity(suite, point)
    if document.interrupted:
        case = ET.SubElement(suite, "testcase", classname="load test", name="runs to its end")
        message = "the load test was interrupted; this is what ran of it"
        ET.SubElement(case, "error", message=message)
        errors = 1
    suite.set("tests", str(len(suite)))
    suite.set("failures", str(failed))
    suite.set("errors", str(errors))
    root = ET.Element("testsuites")
    root.append(suite)
    encoded: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return encoded


def _add_threshold(suite: ET.Element, result: ThresholdResult) -> bool:
    case = ET.SubElement(
        suite,
        "testcase",
        classname=_clean(result.point or "load test"),
        name=_clean(result.threshold),
    )
    if not result.passed:
        ET.SubElement(case, "failure", message=_clean(broken_text(result)))
    return not result.passed


def _add_validity(suite: ET.Element, point: Point) -> bool:
    case = ET.SubElement(
        suite,
        "testcase",
        classname=_clean(point.label),
        name=f"the generator kept up ({_clean(point.phase)})",
        time=f"{point.duration_seconds:.3f}",
    )
    if not point.is_valid:
        reasons = "; ".join(f"{reason.code}: {reason.message}" for reason in point.reasons)
        ET.SubElement(case, "failure", message=_clean(f"INVALID: {reasons}"))
    return not point.is_valid


def _clean(text: str) -> str:
    return _NOT_XML.sub("\N{REPLACEMENT CHARACTER}", text)
