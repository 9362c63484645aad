"""Which of a job's results a picture shows."""

from collections.abc import Mapping
from dataclasses import dataclass

from tensorfleet.kinds.profile.measurement import Comparison, Series
from tensorfleet.kinds.profile.readings import Readings
from tensorfleet.shared.errors import FieldError, InvalidInput


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What was asked for; empty: everything."""

    algorithms: frozenset[str] = frozenset()
    inputs: frozenset[str] = frozenset()
    size: int | None = None

    @classmethod
    def parse(cls, options: Mapping[str, str], *, plot: str) -> "Choice":
        """From the options of a request.

        Raises:
            InvalidInput: One is unknown or wrong.
        """
        known = {"algorithms", "inputs"} | ({"size"} if plot == "violin" else set())
        unknown = sorted(set(options) - known)
        if unknown:
            raise _wrong(unknown[0], f"is unknown to {plot}; there are: {', '.join(sorted(known))}")
        size = options.get("size")
        if size is not None and not (size.isascii() and size.isdigit() and len(size) <= 18):
            raise _wrong("size", "must be a whole number")
        return cls(
            algorithms=_names(options.get("algorithms", "")),
            inputs=_names(options.get("inputs", "")),
            size=None if size is None else int(size),
        )

    def series(self, read: Readings) -> list[Series]:
        """The series that are asked for, with at least one measured size.

        Raises:
            InvalidInput: There are none.
        """
        found = [
            series
            for _, series in read.series
            if self._takes(series.input, series.algorithm.name)
            and any(any(cell.processes) for cell in series.cells)
        ]
        if not found:
            raise self._nothing(read, "measured series")
        return found

    def comparisons(self, read: Readings) -> list[Comparison]:
        """The comparisons that are asked for, with at least one measured size.

        Raises:
            InvalidInput: There are none.
        """
        found = [
            pair
            for _, pair in read.comparisons
            if self._takes(pair.input, pair.a.name, pair.b.name)
            and any(any(cell.a) and any(cell.b) for cell in pair.cells)
        ]
        if not found:
            raise self._nothing(read, "measured comparison")
        return found

    def _takes(self, kind_of_input: str, *algorithms: str) -> bool:
        is_named = not self.algorithms or not self.algorithms.isdisjoint(algorithms)
        return is_named and (not self.inputs or kind_of_input in self.inputs)

    def _nothing(self, read: Readings, wanted: str) -> InvalidInput:
        names = {series.algorithm.name for _, series in read.series}
        names |= {name for _, pair in read.comparisons for name in (pair.a.name, pair.b.name)}
        inputs = {series.input for _, series in read.series}
        inputs |= {pair.input for _, pair in read.comparisons}
        if not names:
            message = f"there is nothing to draw yet: no {wanted}; wait until a task has succeeded"
        else:
            message = (
                f"there is nothing to draw: no {wanted} fits; measured are the algorithms "
                f"{', '.join(sorted(names))} on inputs {', '.join(sorted(inputs))}"
            )
        return InvalidInput(message)


def _names(text: str) -> frozenset[str]:
    return frozenset(name.strip() for name in text.split(",") if name.strip())


def _wrong(option: str, problem: str) -> InvalidInput:
    message = f"option {option[:80]} {problem}"
    return InvalidInput(message, (FieldError(field=option[:80], message=problem),))
