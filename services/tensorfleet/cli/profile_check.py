"""The gate for continuous integration: is anything slower than it was?"""

from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import msgspec
from msgspec.structs import replace

from tensorfleet.kinds.profile.algorithms.algorithm import Algorithm
from tensorfleet.shared.errors import InvalidInput

if TYPE_CHECKING:
    from tensorfleet.kinds.profile.forms import PairMeasuring
    from tensorfleet.sdk.client import Client


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """One algorithm on one input and size, against the baseline."""

    algorithm: str
    input: str
    size: int
    ratio: float | None
    """Time now over time then; None: it could not be compared."""
    low: float | None
    high: float | None
    has_passed: bool
    message: str


class Gate(msgspec.Struct, frozen=True, kw_only=True):
    """All of them."""

    baseline: str
    job: str
    max_regression: float
    verdicts: list[Verdict]
    is_interleaved: bool
    """Whether both were measured again, side by side."""

    @property
    def has_passed(self) -> bool:
        """Whether nothing got slower, and everything could be compared."""
        return bool(self.verdicts) and all(verdict.has_passed for verdict in self.verdicts)

    def junit(self) -> bytes:
        """A report as Jenkins, GitLab and others read it."""
        failed = [verdict for verdict in self.verdicts if not verdict.has_passed]
        suite = ET.Element(
            "testsuite",
            name="tensorfleet profile check",
            tests=str(len(self.verdicts)),
            failures=str(len(failed)),
            errors="0",
        )
        for verdict in self.verdicts:
            case = ET.SubElement(
                suite,
                "testcase",
                classname=f"{verdict.algorithm}.{verdict.input}",
                name=f"size {verdict.size}",
            )
            if not verdict.has_passed:
                ET.SubElement(case, "failure", message=verdict.message)
        encoded: bytes = ET.tostring(suite, encoding="utf-8", xml_declaration=True)
        return encoded


def check_recorded(
    client: "Client", job: str, baseline: str, *, max_regression: str, normalize: bool
) -> Gate:
    """Holds a job's recorded results against those of another."""
    results = client.results(
        job, baseline=baseline, max_regression=max_regression, normalize=normalize
    )
    against = results["report"]["against_baseline"]
    judged = [
        Verdict(
            algorithm=entry["algorithm"],
            input=entry["input"],
            size=entry["size"],
            ratio=entry["ratio"],
            low=entry["low"],
            high=entry["high"],
            has_passed=not entry["regressed"] and entry["ratio"] is not None,
            message=entry["message"],
        )
        for entry in against["cells"]
    ]
    missing = [
        Verdict(
            **entry,
            ratio=None,
            low=None,
            high=None,
            has_passed=False,
            message="the baseline has it, and this job could not measure it or did not try",
        )
        for entry in against["missing"]
    ]
    return Gate(
        baseline=baseline,
        job=job,
        max_regression=limit_of(max_regression),
        is_interleaved=False,
        verdicts=[*judged, *missing],
    )


def check_again(
    client: "Client",
    baseline: str,
    *,
    code: Path | None,
    max_regression: str,
    measuring: "PairMeasuring",
) -> Gate:
    """Measures the baseline's code and the present one side by side, on one worker.

    Raises:
        InvalidInput: There is nothing to compare: the baseline has no code of its own.
    """
    limit = limit_of(max_regression)
    jobs = []
    for series in client.results(baseline)["report"]["series"]:
        then = msgspec.convert(series["definition"], Algorithm)
        if not series["code"] or code is None:
            raise InvalidInput(
                f"{then.name} was measured {'with' if series['code'] else 'without'} a code "
                "folder; give the present one with --code, or name a JOB that measured it anew"
            )
        sides = (
            replace(then, name="baseline", code=series["code"]),
            replace(then, name="present", code=""),
        )
        document = {
            "kind": "profile",
            "name": f"check {then.name}"[:128],
            "code": str(code.absolute()),
            "spec": {
                "algorithms": [msgspec.json.decode(msgspec.json.encode(side)) for side in sides],
                "compare": True,
                "inputs": [series["input"]],
                "sizes": [cell["size"] for cell in series["cells"] if cell["median"] is not None],
                "seed": series["seed"],
                "measuring": msgspec.structs.asdict(measuring),
            },
        }
        jobs.append((then.name, client.submit(document)))
    verdicts = []
    for name, job in jobs:
        client.wait(job.id)
        for comparison in client.results(job.id)["report"]["comparisons"]:
            verdicts += [_judged(name, comparison, cell, limit) for cell in comparison["sizes"]]
    return Gate(
        baseline=baseline,
        job=", ".join(job.id for _, job in jobs),
        max_regression=limit,
        is_interleaved=True,
        verdicts=verdicts,
    )


def _judged(name: str, comparison: dict[str, Any], cell: dict[str, Any], limit: float) -> Verdict:
    ratio, low = cell.get("ratio"), cell.get("low")
    if ratio is None:
        has_passed, message = False, cell["message"]
    else:
        is_slower = cell["verdict"] == "slower" and ratio > 1 + limit
        has_passed = not is_slower
        message = cell["message"]
    return Verdict(
        algorithm=name,
        input=comparison["input"],
        size=cell["size"],
        ratio=ratio,
        low=low,
        high=cell.get("high"),
        has_passed=has_passed,
        message=message,
    )


def limit_of(text: str) -> float:
    """A share, from "5%" or "0.05".

    Raises:
        InvalidInput: It is neither.
    """
    try:
        value = float(text.rstrip("% ")) / (100 if text.rstrip().endswith("%") else 1)
    except ValueError:
        value = -1.0
    if not 0 <= value < 100:
        raise InvalidInput(f"--max-regression {text!r} is no share; write it like 5% or 0.05")
    return value
