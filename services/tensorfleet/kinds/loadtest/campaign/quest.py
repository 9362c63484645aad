"""A search in progress: the points that it runs, and what they say together."""

from collections.abc import Callable
from dataclasses import dataclass, field

from tensorfleet.kinds.loadtest.arrivals import Constant
from tensorfleet.kinds.loadtest.campaign.course import Course
from tensorfleet.kinds.loadtest.campaign.figure import answered_rate, broken_conditions, measure
from tensorfleet.kinds.loadtest.campaign.knee import find_knee
from tensorfleet.kinds.loadtest.campaign.objective import (
    Condition,
    Objective,
    parse_slo,
    percent_of,
    response_bound,
)
from tensorfleet.kinds.loadtest.campaign.search import (
    Range,
    Trial,
    Verdict,
    bounds_of,
    loads,
    next_value,
    rates,
)
from tensorfleet.kinds.loadtest.campaign.stability import Standing, State
from tensorfleet.kinds.loadtest.campaign.threshold import FINAL, SEARCHED, is_at
from tensorfleet.kinds.loadtest.listener import LoadOrder
from tensorfleet.kinds.loadtest.record import Point, Reason, Search
from tensorfleet.kinds.loadtest.spec import FindMaxLoad, FindMaxRps, Hold

_RATE_STEP = 0.1
"""Of the optimum: how far apart the rates are that run again below it."""

# Medians of fewer rise and fall by chance.
_LEAST_ANSWERS_OF_A_KNEE = 20

_ONLY_LATE = frozenset({"GENERATOR_LATE", "GENERATOR_BUSY"})


@dataclass(slots=True, kw_only=True)
class Quest:
    """A search for the highest load or rate that keeps an objective."""

    parameter: str
    """"load" or "rate"."""
    objective: Objective
    within: Range
    hold: Hold
    order: Callable[[float, str, float], LoadOrder]
    """From a value, a phase and seconds."""
    trials: list[Trial] = field(default_factory=list)
    notes: list[Reason] = field(default_factory=list)
    _broken_by: dict[float, str] = field(default_factory=dict)
    """The latest reason of each value that was not kept."""

    async def run(self, course: Course) -> None:
        """Tries values until the answer is known.

        Raises:
            CourseStopped: Somebody wants the load test to end.
            TensorFleetError: The runner could not.
        """
        while (value := next_value(self.within, self.trials)) is not None:
            await course.rest(self.hold.rest_seconds)
            order = self.order(value, SEARCHED, self.hold.max_seconds)
            point, standing = await course.hold(order, self.objective, self.hold)
            verdict = self._judge(value, point, standing)
            self.trials.append(
                Trial(value, verdict, measure(point, self.objective.conditions[0].figure))
            )
            course.listener.note(self._told(value, verdict))

    async def run_finals(self, course: Course) -> None:
        """Runs the optimum and its neighbours below again, each for its whole time.

        Raises:
            CourseStopped: Somebody wants the load test to end.
            TensorFleetError: The runner could not.
        """
        best = bounds_of(self.trials).best
        if best is None:
            return
        for value in self.values_to_confirm(best):
            await course.rest(self.hold.rest_seconds)
            point = await course.run(self.order(value, FINAL, self.hold.final_seconds))
            broken = broken_conditions(self.objective, point)
            if value == best and point.is_valid and broken:
                self.notes.append(
                    Reason(
                        code="OPTIMUM_NOT_CONFIRMED",
                        message=f"{self.label(best)} kept {self.objective.text} in the search, but "
                        f"not in its final run of {self.hold.final_seconds:g} s: "
                        f"{_failure(broken, point)}",
                    )
                )

    def values_to_confirm(self, best: float) -> list[float]:
        """The optimum first: load n, n-1, n-2, ... or 100 %, 90 %, 80 %, ... of the rate."""
        count = self.hold.neighbours + 1
        if self.within.is_whole:
            return [best - k for k in range(count) if best - k >= self.within.lowest]
        shares = [1 - _RATE_STEP * k for k in range(count)]
        return [
            float(f"{best * share:.4g}") if share < 1 else best for share in shares if share > 0
        ]

    def label(self, value: float) -> str:
        """A value, for people."""
        return self.order(value, SEARCHED, 1.0).label

    def search(self, points: list[Point]) -> Search:
        """What was found, as far as the search came."""
        found = bounds_of(self.trials)
        is_by_range = found.failed_at is None
        return Search(
            parameter=self.parameter,
            slo=self.objective.text,
            best=found.best,
            broken_at=found.failed_at if found.is_judged else None,
            limited_by="range" if is_by_range else "target" if found.is_judged else "generator",
            achieved_rate=self._achieved_rate(points, found.best),
            knee=find_knee(
                (place, seconds)
                for point in points
                if point.phase == SEARCHED and point.is_valid
                if point.counts.answered >= _LEAST_ANSWERS_OF_A_KNEE
                if (place := answered_rate(point) if self.parameter == "rate" else point.load)
                if (seconds := measure(point, "p50"))
            ),
            message=self._sentence(),
        )

    def _judge(self, value: float, point: Point, standing: Standing) -> Verdict:
        broken = broken_conditions(self.objective, point)
        is_growing = standing.state is State.GROWING
        if not point.is_valid and (broken or is_growing or not _was_load_made(point)):
            self._broken_by[value] = "; ".join(reason.message for reason in point.reasons)
            return Verdict.INVALID
        if broken:
            self._broken_by[value] = _failure(broken, point)
            return Verdict.BROKEN
        if is_growing:
            self._broken_by[value] = (
                f"its queue grew by {standing.growth_share:.1%} of the arrivals, so that response "
                "times only get longer"
            )
            return Verdict.BROKEN
        self._note_uncertainty(value, point, standing)
        return Verdict.KEPT

    def _note_uncertainty(self, value: float, point: Point, standing: Standing) -> None:
        if standing.state is State.UNSETTLED:
            self._note_once(
                "NOT_STABLE",
                f"{self.label(value)} had not settled after {self.hold.max_seconds:g} s "
                "(hold.max_seconds); it was judged by all of that time",
            )
        for condition in self.objective.conditions:
            percent = percent_of(condition.figure)
            ended = point.counts.answered + point.counts.failed
            if percent is not None and ended * (100 - percent) < 100:
                self._note_once(
                    "FEW_ANSWERS",
                    f"{condition.figure} of {self.label(value)} is that of {ended} answers, so the "
                    "longest of them: a higher rate or a longer hold.min_seconds tells more",
                )

    def _note_once(self, code: str, message: str) -> None:
        if not any(note.code == code for note in self.notes):
            self.notes.append(Reason(code=code, message=message))

    def _told(self, value: float, verdict: Verdict) -> str:
        if verdict is Verdict.KEPT:
            return f"{self.label(value)} kept {self.objective.text}"
        why = self._broken_by[value]
        if verdict is Verdict.INVALID:
            return f"{self.label(value)} could not be judged: {why}"
        return f"{self.label(value)} did not keep {self.objective.text}: {why}"

    def _achieved_rate(self, points: list[Point], best: float | None) -> float | None:
        """Of the optimum's last run: the final one, if it came to that."""
        rates_there = [
            answered_rate(point) for point in points if is_at(point, self.parameter, best)
        ]
        return rates_there[-1] if rates_there else None

    def _sentence(self) -> str:
        found = bounds_of(self.trials)
        best, failed_at = found.best, found.failed_at
        is_complete = next_value(self.within, self.trials) is None
        so_far = "" if is_complete else "So far, as the search did not come to its end: "
        if failed_at is None:
            if best is None:
                return f"{so_far}nothing is known."
            if not is_complete:
                return f"{so_far}{self.label(best)} kept {self.objective.text}."
            return (
                f"{self.label(best)} kept {self.objective.text}, and that was the highest to be "
                "tried: the limit is higher."
            )
        why = self._broken_by.get(failed_at, "")
        if not found.is_judged:
            known = "Nothing is known" if best is None else f"{self.label(best)} kept the objective"
            return (
                f"{so_far}{known}; at {self.label(failed_at)} the generator was the limit, not the "
                f"target ({why}). More processes, workers or machines generate more."
            )
        if best is None:
            return f"{so_far}not even {self.label(failed_at)} kept {self.objective.text}: {why}."
        return (
            f"{so_far}{self.label(best)} kept {self.objective.text}; {self.label(failed_at)} did "
            f"not: {why}."
        )


def rate_quest(asked: FindMaxRps, hold: Hold, load: int | None) -> Quest:
    """The search for the highest rate.

    Raises:
        InvalidInput: The objective is wrong.
    """

    def order(value: float, phase: str, seconds: float) -> LoadOrder:
        return LoadOrder(
            label=f"{value:g}/s",
            arrivals=Constant(rate=value, duration_seconds=seconds),
            phase=phase,
            load=load,
            rate=value,
        )

    return Quest(
        parameter="rate",
        objective=parse_slo(asked.slo),
        within=rates(asked.start, asked.most, asked.precision),
        hold=hold,
        order=order,
    )


def load_quest(asked: FindMaxLoad, hold: Hold) -> Quest:
    """The search for the largest load parameter.

    Raises:
        InvalidInput: The bound is wrong.
    """

    def order(value: float, phase: str, seconds: float) -> LoadOrder:
        return LoadOrder(
            label=f"load {int(value)}",
            arrivals=Constant(rate=asked.rate, duration_seconds=seconds),
            phase=phase,
            load=int(value),
            rate=asked.rate,
        )

    return Quest(
        parameter="load",
        objective=response_bound(asked.percentile, asked.max_response_seconds),
        within=loads(asked.start, asked.most, asked.max_response_seconds),
        hold=hold,
        order=order,
    )


def _was_load_made(point: Point) -> bool:
    """Whether an invalid point was only late: its response times have the lateness in them, so that
    a target that kept the objective all the same would keep it with a better generator, too."""
    return all(reason.code in _ONLY_LATE for reason in point.reasons)


def _failure(broken: tuple[Condition, ...], point: Point) -> str:
    return ", ".join(
        f"{condition.figure} was {_shown(condition, measure(point, condition.figure))}"
        for condition in broken
    )


def _shown(condition: Condition, measured: float | None) -> str:
    if measured is None:
        return "not to be measured, as there were no answers"
    if condition.is_of_time:
        return f"{measured:.3g} s" if measured >= 1 else f"{measured * 1e3:.3g} ms"
    return f"{measured:.3g}" if condition.figure == "rate" else f"{measured:.2%}"
