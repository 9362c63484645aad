"""Whether a point says something about the target, or about the generator."""

from tensorfleet.kinds.loadtest.histogram import Histogram
from tensorfleet.kinds.loadtest.record import Counts, Reason

# Lateness matters where it is a good part of what is measured; below a millisecond it is the
# grain of networks and of other processes.
LEAST_LATENESS_SECONDS = 0.001
LATENESS_SHARE = 0.1
LEAST_LATE_ARRIVALS = 3
# A generator that is this far behind its plan at any time does not make the load that was asked.
BEHIND_SECONDS = 0.25
BEHIND_SHARE = 0.05
# Of arrivals that have to wait for a free connection, before it is said.
HELD_SHARE = 0.01


def why_invalid(
    counts: Counts, response: Histogram, lateness: Histogram, planned_seconds: float
) -> tuple[Reason, ...]:
    """Reasons for which the generator, and not the target, set the figures; none: it is valid.

    Args:
        lateness: How long after their intended times the generator got to the arrivals.
        planned_seconds: How long arrivals were to go on.
    """
    # Of few arrivals the 99th percentile is the latest one, which says nothing.
    percent = min(99.0, 100.0 * (1.0 - LEAST_LATE_ARRIVALS / max(1, lateness.total)))
    late = lateness.percentile(percent) or 0.0 if percent > 0 else 0.0
    waited = response.percentile(max(percent, 0.0))
    behind = lateness.maximum or 0.0
    reasons = []
    if late > LEAST_LATENESS_SECONDS and (waited is None or late > LATENESS_SHARE * waited):
        share = "" if waited is None else f", of {_text(waited)} of response time"
        reasons.append(
            Reason(
                code="GENERATOR_LATE",
                message=f"1 in {100 / (100 - percent):.0f} arrivals began over {_text(late)} after "
                f"its time{share}: the "
                "generator is too slow, or its machine too busy; give it more processes, workers "
                "or quiet",
            )
        )
    if behind > max(BEHIND_SECONDS, BEHIND_SHARE * planned_seconds):
        reasons.append(
            Reason(
                code="GENERATOR_BEHIND",
                message=f"the generator fell {_text(behind)} behind its plan; the load that was "
                "asked for was not made",
            )
        )
    begun = lateness.total
    if begun < counts.scheduled:
        reasons.append(
            Reason(
                code="NOT_ALL_SENT",
                message=f"{counts.scheduled - begun:,} of {counts.scheduled:,} arrivals were not "
                "begun when the run ended",
            )
        )
    return tuple(reasons)


def what_to_know(counts: Counts, first_messages: dict[str, str]) -> tuple[Reason, ...]:
    """What explains a point's figures, for people: what failed, and waits for connections."""
    notes = [Reason(code=code, message=text) for code, text in sorted(first_messages.items())]
    if counts.held > HELD_SHARE * max(1, counts.scheduled):
        share = counts.held / max(1, counts.scheduled)
        notes.append(
            Reason(
                code="CONNECTIONS_BUSY",
                message=f"{share:.0%} of arrivals waited for a free connection; the wait is in "
                "their response times (limits.connections)",
            )
        )
    return tuple(notes)


def _text(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds >= 1 else f"{seconds * 1000:.1f} ms"
