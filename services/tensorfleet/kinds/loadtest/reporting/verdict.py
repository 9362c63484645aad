"""What a document comes to, in a word and a sentence."""

from tensorfleet.kinds.drawing.quantities import rate_text, seconds_text, share_text
from tensorfleet.kinds.loadtest.record import Document, Reason, ThresholdResult

PASSED = "PASSED"
FAILED = "FAILED"
INVALID = "INVALID"
INTERRUPTED = "INTERRUPTED"


def verdict(document: Document) -> str:
    """INVALID when a point that counts is, INTERRUPTED, FAILED when a threshold is broken, PASSED.

    A point that a search only passed on its way counts where the generator ended the search.
    """
    if any(not point.is_valid for point in document.points if point.phase != "search"):
        return INVALID
    if document.search is not None and document.search.limited_by == "generator":
        return INVALID
    if document.interrupted:
        return INTERRUPTED
    if not all(result.passed for result in document.thresholds):
        return FAILED
    if document.search is not None and document.search.best is None:
        return FAILED
    return PASSED


def verdict_lines(document: Document) -> list[str]:
    """Why it is that, one reason a line; none for what passed without thresholds."""
    lines = [
        f"{point.label} ({point.phase}): {reason.code}: {reason.message}"
        for point in document.points
        if not point.is_valid
        for reason in point.reasons or (Reason(code="INVALID", message="no reason was kept"),)
    ]
    if document.interrupted:
        lines.append("It was interrupted: this is what ran until then.")
    lines += [broken_text(result) for result in document.thresholds if not result.passed]
    if document.search is not None and document.search.message:
        lines.append(document.search.message)
    return lines


def broken_text(result: ThresholdResult) -> str:
    """A broken threshold as a sentence."""
    where = f" at {result.point}" if result.point else ""
    return f"{result.threshold} was broken{where}: {measured_text(result)}"


def measured_text(result: ThresholdResult) -> str:
    """What was measured for a threshold, in its unit."""
    if result.measured is None:
        return "nothing was measured"
    name = result.threshold.strip().lower()
    if name.startswith("error"):
        return f"measured {share_text(result.measured)}"
    if name.startswith("rate"):
        return f"measured {rate_text(result.measured)}"
    if name.startswith("best"):
        return f"found {result.measured:g}"
    return f"measured {seconds_text(result.measured)}"
