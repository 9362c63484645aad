"""When requests are meant to start: the shapes that a user may ask for."""

from typing import Literal

import msgspec


class _Shape(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="shape"
):
    """Any of them."""


class Constant(_Shape, frozen=True, kw_only=True, tag="constant"):
    """Evenly spaced."""

    rate: float
    """Requests (or whole cases of several steps) a second."""
    duration_seconds: float


class Poisson(_Shape, frozen=True, kw_only=True, tag="poisson"):
    """Independent arrivals: the gaps are exponentially distributed."""

    rate: float
    duration_seconds: float
    seed: int = 1


class Ramp(_Shape, frozen=True, kw_only=True, tag="ramp"):
    """A rate that changes evenly."""

    from_rate: float
    to_rate: float
    duration_seconds: float


class Staircase(_Shape, frozen=True, kw_only=True, tag="staircase"):
    """Constant rates, each higher (or lower) by `step_rate` than the one before."""

    from_rate: float
    step_rate: float
    steps: int
    step_seconds: float


class Spike(_Shape, frozen=True, kw_only=True, tag="spike"):
    """A constant rate with a peak in its middle."""

    base_rate: float
    peak_rate: float
    before_seconds: float
    peak_seconds: float
    after_seconds: float


class Replay(_Shape, frozen=True, kw_only=True, tag="replay"):
    """Arrivals as they were recorded."""

    file: str
    """A text file of the code folder (or, on one machine, beside the configuration): one time in
    seconds a line, not decreasing; the first is the start."""
    speed: float = 1.0
    """2: twice as fast as recorded."""


class Closed(_Shape, frozen=True, kw_only=True, tag="closed"):
    """Not an open loop: so many users, each of whom waits for an answer before asking again."""

    users: int
    duration_seconds: float
    think_seconds: float = 0.0
    """Between an answer and the same user's next request."""


Arrivals = Constant | Poisson | Ramp | Staircase | Spike | Replay | Closed

Shape = Literal["constant", "poisson", "ramp", "staircase", "spike", "replay", "closed"]
