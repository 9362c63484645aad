"""One algorithm that can be measured, as it is registered, travels and is kept."""

import msgspec

ALGORITHM_ATTRIBUTE = "__tensorfleet_algorithm__"
"""What `tensorfleet.algorithm` leaves on a function: its `Declaration`."""


class Algorithm(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """A function, what it is fed with, and what is expected of it.

    Functions are named "module:function". They are in the code package, or among what workers have
    installed. The algorithm's own takes the arguments that a generator makes; a generator takes
    (size, seed) and returns a tuple of arguments, the same for the same size and seed.
    """

    name: str
    function: str
    code: str = ""
    """The artifact id of its code package; empty: that of the job, or none."""
    inputs: dict[str, str] = {}
    """Generators by the name of the input, such as "random"; the first is taken when a job names
    none. A generator may be a built-in one's name instead of "module:function"."""
    sizes: tuple[int, ...] = ()
    """Measured when a job names none."""
    max_size: int = 0
    """Larger inputs are refused; 0 means that there is no such limit."""
    expected: dict[str, str] = {}
    """The complexity class of its time, such as "n log n", by the name of the input."""
    reference: str = ""
    """A function of the same arguments that gives the right answer."""
    tolerance: float = 0.0
    """By how much, relatively, numbers of two answers may differ and still count as equal."""
    requires: tuple[str, ...] = ()
    """Modules without which it cannot run, such as "sklearn"."""
    description: str = ""
