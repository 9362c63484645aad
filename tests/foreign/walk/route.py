"""One route, as it is defined, travels and is kept."""

import msgspec


class Route(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """Where to go."""

    name: str
    steps: tuple[str, ...]
    """In order."""
    pace: int = 4
    """Kilometres an hour."""
