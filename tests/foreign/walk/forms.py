"""Shorter requests that become walk jobs."""

from typing import Any

import msgspec


class Stroll(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Goes one way and another."""

    there: str
    back: str
    name: str = ""
    code: str = ""

    def to_job(self) -> dict[str, Any]:
        """The job's document."""
        return {
            "kind": "walk",
            "name": self.name or f"{self.there} and {self.back}",
            "code": self.code,
            "spec": {"routes": [self.there, self.back]},
        }


FORMS = {"stroll": Stroll}
