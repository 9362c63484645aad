"""Shorter requests that become walk jobs."""

from typing import Any

import msgspec

from tests.foreign.walk.route import Route


class Stroll(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Goes one way and another."""

    there: str | Route
    back: str | Route
    name: str = ""
    code: str = ""

    def to_job(self) -> dict[str, Any]:
        """The job's document."""
        return {
            "kind": "walk",
            "name": self.name or f"{_name(self.there)} and {_name(self.back)}",
            "code": self.code,
            "spec": {"routes": msgspec.to_builtins([self.there, self.back])},
        }


def _name(route: str | Route) -> str:
    return route if isinstance(route, str) else route.name


FORMS = {"stroll": Stroll}
