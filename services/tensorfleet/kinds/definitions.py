"""What users define once and name in their jobs: a kind's collection, such as algorithms."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec


@dataclass(frozen=True, slots=True, kw_only=True)
class Definitions:
    """One kind's collection. A room offers it as `DEFINITIONS` in its module `definitions`."""

    collection: str
    """Its name in REST paths: "algorithms" gives `/api/v1/algorithms`."""
    singular: str
    """The word for one of them, for messages: "algorithm"."""
    type: type[msgspec.Struct]
    """The shape of one; it has a field `name`."""
    builtin: Mapping[str, Any]
    """Those that exist in every project, by name."""
    check: Callable[[Any], None]
    """The rules that types do not express. Raises InvalidInput with all that are broken."""
    named_in: Callable[[Any], Collection[str]]
    """Of a job's checked spec: the names in it that are not built in."""
    resolve: Callable[[Any, Mapping[str, Any]], Any]
    """A checked spec with the definitions in the place of their names, those given and those built
    in. A name that is in neither is left as it is or refused with InvalidJob."""
