"""The fleet's health from that of its parts. Pure."""

from collections.abc import Sequence

from tensorfleet.shared.rest.health import ComponentHealth, FleetHealth

# Without these the fleet still does all its work.
OPTIONAL_COMPONENTS = frozenset({"monitoring"})


def sum_up(components: Sequence[ComponentHealth]) -> FleetHealth:
    """Down when a needed part is not healthy, degraded when only an optional one is not."""
    unhealthy = {component.name for component in components if component.status != "healthy"}
    if unhealthy - OPTIONAL_COMPONENTS:
        return FleetHealth(status="down", components=list(components))
    return FleetHealth(status="degraded" if unhealthy else "healthy", components=list(components))
