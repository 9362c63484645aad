"""Prometheus's text format, as much of it as a page of plain gauges and counters needs.

https://prometheus.io/docs/instrumenting/exposition_formats/
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

_LINE = re.compile(
    r"(?P<name>[a-zA-Z_:][a-zA-Z0-9_:]*)"
    r"(?:\s*\{(?P<labels>(?:[^\"}]|\"(?:[^\"\\]|\\.)*\")*)\}\s*|\s+)"
    r"(?P<value>[-+.0-9a-zA-Z]+)(?:\s+-?\d+(?:\.\d+)?)?"
)
_LABEL = re.compile(
    r"\s*(?P<name>[a-zA-Z_][a-zA-Z0-9_]*)\s*=\s*\"(?P<value>(?:[^\"\\]|\\.)*)\"\s*,?"
)
_ESCAPE = re.compile(r"\\(.)")


@dataclass(frozen=True, slots=True)
class Metric:
    """One line of a page."""

    name: str
    labels: Mapping[str, str]
    value: float


def metrics(page: str) -> Iterator[Metric]:
    """The page's metrics in order.

    Raises:
        ValueError: A line is neither a comment nor a metric.
    """
    for number, line in enumerate(page.splitlines(), start=1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        match = _LINE.fullmatch(text)
        if match is None:
            raise ValueError(f"line {number} is no metric: {text[:80]}")
        try:
            value = float(match["value"])
        except ValueError as exc:
            raise ValueError(f"line {number} is no metric: {text[:80]}") from exc
        yield Metric(match["name"], _labels(match["labels"] or "", number), value)


def _labels(text: str, number: int) -> dict[str, str]:
    found: dict[str, str] = {}
    position = 0
    while position < len(text.rstrip()):
        match = _LABEL.match(text, position)
        if match is None:
            raise ValueError(f"line {number} has labels that cannot be read: {text[:80]}")
        found[match["name"]] = _ESCAPE.sub(_unescaped, match["value"])
        position = match.end()
    return found


def _unescaped(match: re.Match[str]) -> str:
    return "\n" if match[1] == "n" else match[1]
