"""Several load tests side by side, at equal loads."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tensorfleet.kinds.loadtest.record import Point
from tensorfleet.kinds.loadtest.reporting.point_figures import PointFigures
from tensorfleet.kinds.loadtest.reporting.subject import Subject, is_same_rate
from tensorfleet.shared.errors import InvalidInput

# What counts most of those with equal loads: what was measured with care.
_WORTH = {"search": 0, "run": 1, "final": 2}


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One load test at one load."""

    alias: str
    figures: PointFigures
    ratios: dict[str, float | None]
    """Each of the response time's figures over that of the first load test here; None: unknown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """A load that several were measured at."""

    load: int | None
    rate: float | None
    entries: tuple[Entry, ...]
    missing: tuple[str, ...]
    """Aliases of those that were not measured here."""

    @property
    def label(self) -> str:
        """Such as "load 15" or "500/s"."""
        parts = [] if self.load is None else [f"load {self.load}"]
        if self.rate is not None:
            parts.append(f"{self.rate:g}/s")
        return " at ".join(parts) or self.entries[0].figures.point.label


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """All levels, from the lowest load."""

    aliases: tuple[str, ...]
    levels: tuple[Level, ...]

    def to_json(self) -> dict[str, Any]:
        """Ready for JSON; times in seconds, rates per second."""
        return {
            "aliases": list(self.aliases),
            "levels": [
                {
                    "label": level.label,
                    "load": level.load,
                    "rate": level.rate,
                    "missing": list(level.missing),
                    "entries": [_entry_json(entry) for entry in level.entries],
                }
                for level in self.levels
            ],
        }


def compare(subjects: Sequence[Subject]) -> Comparison:
    """Puts those points side by side whose load and rate are equal (rates within 1 %).

    Of several equal points of one load test the best-measured one is taken: a final one before one
    of a plain run before one of a search, and the later of two.

    Raises:
        InvalidInput: Fewer than two load tests, or they have no load in common.
    """
    if len(subjects) < 2:
        raise InvalidInput("a comparison needs two load tests or more")
    keys: list[tuple[int | None, float | None]] = []
    for subject in subjects:
        for point in subject.points:
            if not any(_fits(point, key) for key in keys):
                keys.append((point.load, point.rate))
    levels = [_level(subjects, key) for key in sorted(keys, key=_order)]
    common = tuple(level for level in levels if len(level.entries) > 1)
    if not common:
        told = "; ".join(
            f"{subject.alias}: {', '.join(dict.fromkeys(p.label for p in subject.points))}"
            for subject in subjects
        )
        raise InvalidInput(f"these load tests have no load in common: {told}")
    return Comparison(aliases=tuple(subject.alias for subject in subjects), levels=common)


def _level(subjects: Sequence[Subject], key: tuple[int | None, float | None]) -> Level:
    entries: list[Entry] = []
    missing = []
    for subject in subjects:
        candidates = [point for point in subject.points if _fits(point, key)]
        if not candidates:
            missing.append(subject.alias)
            continue
        best = max(candidates, key=lambda p: (_WORTH.get(p.phase, 0), p.start_seconds))
        figures = PointFigures(best)
        first = entries[0].figures if entries else figures
        entries.append(Entry(alias=subject.alias, figures=figures, ratios=_ratios(figures, first)))
    return Level(load=key[0], rate=key[1], entries=tuple(entries), missing=tuple(missing))


def _ratios(figures: PointFigures, first: PointFigures) -> dict[str, float | None]:
    base = first.response.figures()
    return {
        name: value / reference
        if value is not None and (reference := base[name]) is not None and reference > 0
        else None
        for name, value in figures.response.figures().items()
    }


def _entry_json(entry: Entry) -> dict[str, Any]:
    figures = entry.figures
    return {
        "alias": entry.alias,
        "point": figures.point.label,
        "phase": figures.point.phase,
        "is_valid": figures.point.is_valid,
        "rate_answered": figures.answered_rate,
        "error_share": figures.error_share,
        "response_seconds": figures.response.figures(),
        "service_seconds": figures.service.figures(),
        "response_ratios": entry.ratios,
    }


def _fits(point: Point, key: tuple[int | None, float | None]) -> bool:
    load, rate = key
    return point.load == load and is_same_rate(point.rate, rate)


def _order(key: tuple[int | None, float | None]) -> tuple[float, float]:
    load, rate = key
    return (-1.0 if load is None else load, -1.0 if rate is None else rate)
