"""A document, or some of its points, under a name: what pictures and comparisons are of."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from tensorfleet.kinds.loadtest.record import Document, Point
from tensorfleet.shared.errors import FieldError, InvalidInput

# Of how far measured and wanted rates may lie apart to be the same.
_RATE_TOLERANCE = 0.01

PHASES = ("run", "search", "final")


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """One load test that is shown, alone or beside others."""

    document: Document
    points: tuple[Point, ...]
    """Those of the document that are shown, at least one."""
    alias: str = ""
    """For people; empty where there is only one."""

    def name_of(self, point: Point) -> str:
        """A point's name among all that are shown."""
        twins = [other for other in self.points if other.label == point.label]
        name = point.label
        if len({other.phase for other in twins}) > 1:
            name += f" ({point.phase})"
        same = [other for other in twins if other.phase == point.phase]
        if len(same) > 1:
            name += f" #{same.index(point) + 1}"
        return f"{self.alias} {name}".strip()


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Which points were asked for; empty: all that count."""

    points: frozenset[str] = frozenset()
    """Labels."""
    phase: str = ""
    load: int | None = None
    rate: float | None = None

    @classmethod
    def parse(cls, options: Mapping[str, str]) -> "Choice":
        """From options by name: "points" (labels, commas between), "phase", "load", "rate".

        Raises:
            InvalidInput: One is unknown or wrong.
        """
        known = ("points", "phase", "load", "rate")
        if unknown := sorted(set(options) - set(known)):
            raise _wrong(unknown[0], f"is unknown; there are: {', '.join(known)}")
        phase = options.get("phase", "")
        if phase and phase not in PHASES:
            raise _wrong("phase", f"must be one of {', '.join(PHASES)}")
        labels = (name.strip() for name in options.get("points", "").split(","))
        return cls(
            points=frozenset(name for name in labels if name),
            phase=phase,
            load=_whole_number(options["load"]) if "load" in options else None,
            rate=_rate(options["rate"]) if "rate" in options else None,
        )

    def of(self, document: Document, *, with_search: bool = False) -> tuple[Point, ...]:
        """The points that are asked for.

        Args:
            with_search: Takes what a search passed on its way, even where final points exist.

        Raises:
            InvalidInput: There are none; the message says which there are.
        """
        counted = [point for point in document.points if point.phase != "search"]
        is_general = not (self.phase or self.points) and not with_search
        candidates = counted if counted and is_general else list(document.points)
        found = tuple(point for point in candidates if self._takes(point))
        if not found:
            raise self._nothing(document)
        return found

    def _takes(self, point: Point) -> bool:
        return (
            (not self.points or point.label in self.points)
            and (not self.phase or point.phase == self.phase)
            and (self.load is None or point.load == self.load)
            and (self.rate is None or is_same_rate(point.rate, self.rate))
        )

    def _nothing(self, document: Document) -> InvalidInput:
        labels = list(dict.fromkeys(f"{point.label} ({point.phase})" for point in document.points))
        if not labels:
            return InvalidInput("there is nothing to show: the load test has no points yet")
        return InvalidInput(f"no point fits; there are: {', '.join(labels)}")


def subjects(
    documents: Sequence[tuple[str, Document]], choice: Choice, *, with_search: bool = False
) -> list[Subject]:
    """Documents by alias, each with the points that are asked for.

    Raises:
        InvalidInput: One has none, or an alias comes twice.
    """
    aliases = [alias for alias, _ in documents]
    if twice := next((alias for alias in aliases if aliases.count(alias) > 1), None):
        raise InvalidInput(f"two load tests are called {twice!r}: name them with --alias")
    found = []
    for alias, document in documents:
        try:
            points = choice.of(document, with_search=with_search)
        except InvalidInput as exc:
            raise InvalidInput(f"{alias}: {exc}" if alias else str(exc)) from exc
        found.append(Subject(document=document, points=points, alias=alias))
    return [replace(found[0], alias="")] if len(found) == 1 else found


def is_same_rate(a: float | None, b: float | None) -> bool:
    """Whether two rates are so close that a comparison may put them side by side."""
    if a is None or b is None:
        return a is b
    return abs(a - b) <= _RATE_TOLERANCE * max(abs(a), abs(b))


def _whole_number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise _wrong("load", "must be a whole number")
    return int(text)


def _rate(text: str) -> float:
    try:
        rate = float(text)
    except ValueError:
        rate = 0.0
    if not 0 < rate < float("inf"):
        raise _wrong("rate", "must be a number above 0")
    return rate


def _wrong(option: str, problem: str) -> InvalidInput:
    message = f"option {option[:80]} {problem}"
    return InvalidInput(message, (FieldError(field=option[:80], message=problem),))
