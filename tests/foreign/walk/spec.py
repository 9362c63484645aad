"""What a user may ask of a walk job."""

import msgspec

from tests.foreign.walk.route import Route


class Spec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A walk job's own part: each route is one task."""

    routes: tuple[str | Route, ...]
    """Names of built-in or defined ones, or full descriptions."""
    together: bool = False
    """Whether the walkers meet before they leave."""


def check(_spec: Spec) -> None:
    """Every spec of the right shape is fine."""


def needs_gang(spec: Spec) -> bool:
    """Who is to meet must be there at the same time."""
    return spec.together


def needs_code(_spec: Spec) -> bool:
    """One walks without code."""
    return False


def check_code(_spec: Spec, _file_names: frozenset[str]) -> None:
    """Any code is fine."""
