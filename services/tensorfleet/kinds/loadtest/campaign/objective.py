"""What a target is to keep, as people write it: "p99<200ms,errors<0.1%"."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from tensorfleet.shared.errors import InvalidInput

UNSPOKEN_ERRORS = "errors<1%"
"""A search's objective without a word on errors gets this one: otherwise a target that refuses
every request at once would keep any response time."""

_CONDITION = re.compile(
    r"(?P<figure>[a-z_]+[0-9.]*)\s*(?P<sign><=|>=|<|>)\s*(?P<number>[0-9.]+(?:e[+-]?[0-9]+)?)"
    r"\s*(?P<unit>[a-zµ%/]*)"
)
_PERCENTILE = re.compile(r"p(?P<percent>[0-9]{1,2}(?:\.[0-9]{1,3})?)")
_SECONDS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0}
_SHARES = {"%": 0.01, "": 1.0}
_RATES = {"/s": 1.0, "rps": 1.0, "": 1.0}
_SOURCES = ("service", "server")
_PLAIN_TIMES = ("mean", "min", "max")
_EXAMPLES = 'such as "p99<200ms", "max<2s", "errors<0.1%" or "rate>450"'


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """One comparison."""

    text: str
    """As it was written, without spaces."""
    figure: str
    """"p99" (also of "service_" and "server_"), "mean", "min", "max", "errors", "rate", "best"."""
    sign: str
    """"<" or "<=" of times and errors, ">" or ">=" of rates."""
    bound: float
    """In seconds, as a share (0 to 1), or per second."""

    def allows(self, measured: float | None) -> bool:
        """Whether it holds; never of something that was not measured."""
        if measured is None:
            return False
        match self.sign:
            case "<":
                return measured < self.bound
            case "<=":
                return measured <= self.bound
            case ">":
                return measured > self.bound
            case _:
                return measured >= self.bound

    @property
    def is_of_time(self) -> bool:
        """Whether it bounds seconds."""
        return self.figure not in ("errors", "rate", "best")


@dataclass(frozen=True, slots=True, kw_only=True)
class Objective:
    """Conditions that hold together."""

    conditions: tuple[Condition, ...]

    @property
    def text(self) -> str:
        """All of them, for people."""
        return ",".join(condition.text for condition in self.conditions)

    @property
    def tightest_seconds(self) -> float | None:
        """The lowest bound on a time; None without any."""
        return min((c.bound for c in self.conditions if c.is_of_time), default=None)


def parse_condition(text: str) -> Condition:
    """One condition.

    Raises:
        InvalidInput: It cannot be understood, or bounds a figure from the wrong side.
    """
    match = _CONDITION.fullmatch(text.strip().lower().replace("μ", "µ"))
    if match is None:
        raise InvalidInput(f"{text!r} is no condition: write one {_EXAMPLES}")
    figure = _figure(match["figure"], text)
    is_rate = figure in ("rate", "best")
    units = _RATES if is_rate else _SHARES if figure == "errors" else _SECONDS
    if match["unit"] not in units:
        known = ", ".join(unit for unit in units if unit)
        raise InvalidInput(f"{text!r} needs a unit that fits {figure}: {known}")
    if match["sign"].startswith("<") == is_rate:
        side = ">" if is_rate else "<"
        raise InvalidInput(f'{text!r} asks for the bad side: write "{figure}{side}..."')
    try:
        bound = float(match["number"]) * units[match["unit"]]
    except ValueError:
        raise InvalidInput(f"{text!r}: {match['number']} is no number") from None
    if figure == "errors" and bound > 1:
        raise InvalidInput(f'{text!r}: a share is at most 1; write percents as "errors<0.1%"')
    shown = f"{figure}{match['sign']}{match['number']}{match['unit']}"
    return Condition(text=shown, figure=figure, sign=match["sign"], bound=bound)


def parse_thresholds(texts: Sequence[str]) -> tuple[Condition, ...]:
    """Every condition of some thresholds; one text may hold several, with commas.

    Raises:
        InvalidInput: One of them is wrong.
    """
    return tuple(
        parse_condition(part) for text in texts for part in text.split(",") if part.strip()
    )


def parse_slo(text: str) -> Objective:
    """What a search is to keep; see `UNSPOKEN_ERRORS`.

    Raises:
        InvalidInput: A condition is wrong, there is none, or it is about the rate, which the search
            itself varies.
    """
    conditions = parse_thresholds((text,))
    if not conditions:
        raise InvalidInput(f"the objective is empty: write conditions {_EXAMPLES}")
    for condition in conditions:
        if condition.figure in ("rate", "best"):
            raise InvalidInput(
                f"{condition.text!r} cannot be what a search keeps, as it varies the rate: make it "
                "a threshold"
            )
    if not any(condition.figure == "errors" for condition in conditions):
        conditions += (parse_condition(UNSPOKEN_ERRORS),)
    return Objective(conditions=conditions)


def response_bound(percentile: float, seconds: float) -> Objective:
    """A bound on a percentile of the response times, and on errors.

    Raises:
        InvalidInput: The percentile is not one of above 0 to 100, or the bound is not positive.
    """
    if not seconds > 0:
        raise InvalidInput(f"the longest response time is {seconds:g} s: it must be positive")
    figure = "max" if percentile == 100 else f"p{percentile:g}"
    return parse_slo(f"{figure}<{seconds:.9g}s")


def percent_of(figure: str) -> float | None:
    """The number of a percentile such as "p99.9"; None of any other figure."""
    match = _PERCENTILE.fullmatch(figure)
    return float(match["percent"]) if match else None


def _figure(name: str, text: str) -> str:
    source, _, rest = name.rpartition("_")
    rest = "mean" if rest == "avg" else rest
    percent = percent_of(rest)
    is_time = rest in _PLAIN_TIMES or (percent is not None and percent > 0)
    if is_time and source in ("", "response", *_SOURCES):
        return rest if source in ("", "response") else f"{source}_{rest}"
    if not source and rest in ("errors", "rate", "best"):
        return rest
    hint = ""
    if re.fullmatch(r"p[0-9]{3,5}", rest):
        hint = f'; for {rest[1:3]}.{rest[3:]} % write "p{rest[1:3]}.{rest[3:]}"'
    raise InvalidInput(
        f"{text!r} names no figure that is measured{hint}. There are: p50 to p99.999, mean, min, "
        "max, each also as service_... and server_..., errors, rate, best"
    )
