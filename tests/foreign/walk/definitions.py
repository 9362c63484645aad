"""Routes that are defined once and named in walk jobs."""

from collections.abc import Mapping

import msgspec

from tensorfleet.kinds.definitions import Definitions
from tensorfleet.shared.errors import FieldError, InvalidInput, InvalidJob
from tests.foreign.walk.route import Route
from tests.foreign.walk.spec import Spec

BUILTIN = {
    "circle": Route(name="circle", steps=("out", "round", "home")),
    "line": Route(name="line", steps=("out", "back")),
}


def check(route: Route) -> None:
    """A route leads somewhere."""
    if not route.steps:
        message = "must have at least one step"
        raise InvalidInput(f"steps: {message}", (FieldError(field="steps", message=message),))


def named_in(spec: Spec) -> set[str]:
    """The names that are not built in."""
    return {route for route in spec.routes if isinstance(route, str) and route not in BUILTIN}


def resolve(spec: Spec, found: Mapping[str, Route]) -> Spec:
    """The routes in the place of their names."""
    known = {**found, **BUILTIN}
    routes: list[Route] = []
    for index, route in enumerate(spec.routes):
        if isinstance(route, Route):
            routes.append(route)
        elif route in known:
            routes.append(known[route])
        else:
            message = f"there is no route {route!r}"
            field = FieldError(field=f"spec.routes[{index}]", message=message)
            raise InvalidJob(f"the spec of this walk job is wrong: {message}", (field,))
    return msgspec.structs.replace(spec, routes=tuple(routes))


DEFINITIONS = Definitions(
    collection="routes",
    singular="route",
    type=Route,
    builtin=BUILTIN,
    check=check,
    named_in=named_in,
    resolve=resolve,
)
