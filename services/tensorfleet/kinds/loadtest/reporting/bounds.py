"""Bounds of response times in thresholds and objectives, for the lines of pictures."""

import re
from collections.abc import Iterable

from tensorfleet.kinds.loadtest.record import Document

_BOUND = re.compile(
    r"(?<![a-z_])(?P<name>p\d+(?:\.\d+)?|avg|mean|max)\s*<=?\s*(?P<value>\d+(?:\.\d+)?)\s*"
    r"(?P<unit>ns|us|µs|ms|s)\b",
    re.IGNORECASE,
)
_UNIT_SECONDS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0}


def response_bounds(document: Document) -> dict[str, float]:
    """Seconds by their text ("p99<200ms") of every bound that the load test was held to."""
    texts = [result.threshold for result in document.thresholds]
    if document.search is not None:
        texts.append(document.search.slo)
    return dict(_bounds(texts))


def _bounds(texts: Iterable[str]) -> Iterable[tuple[str, float]]:
    for text in texts:
        for found in _BOUND.finditer(text):
            seconds = float(found["value"]) * _UNIT_SECONDS[found["unit"].lower()]
            if seconds > 0:
                yield found.group(0), seconds
