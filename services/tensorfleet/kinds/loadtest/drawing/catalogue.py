"""All pictures of load tests by name."""

from collections.abc import Callable, Mapping, Sequence

from matplotlib.figure import Figure

from tensorfleet.kinds.drawing.picture import picture_of
from tensorfleet.kinds.loadtest.drawing import (
    evidence,
    latency_over_time,
    machines,
    percentile_spectrum,
    response_against_load,
    sent_and_answered,
    violins,
)
from tensorfleet.kinds.loadtest.record import Document
from tensorfleet.kinds.loadtest.reporting.subject import Choice, Subject, subjects

PLOTS = {
    "percentiles": "response time by percentile, to 99.999 %",
    "latency": "response time over time (p50, p99, max), with what failed",
    "load": "response time against load, with the objective, the knee and the optimum",
    "violin": "how response times are distributed, point beside point",
    "machines": "CPU and memory of the watched machines",
    "sent": "scheduled, sent, answered and failed, per second",
    "evidence": "the resource that broke first, beside the response times",
    "lateness": "how late the generator itself was, by percentile",
}

_DRAWINGS: Mapping[str, Callable[[Sequence[Subject]], Figure]] = {
    "percentiles": percentile_spectrum.draw,
    "latency": latency_over_time.draw,
    "load": response_against_load.draw,
    "violin": violins.draw,
    "machines": machines.draw,
    "sent": sent_and_answered.draw,
    "evidence": evidence.draw,
    "lateness": percentile_spectrum.draw_lateness,
}
# What these show, the whole way of a search belongs to.
_WITH_SEARCH = frozenset({"latency", "load", "machines", "sent", "evidence"})


def draw(
    name: str,
    documents: Sequence[tuple[str, Document]],
    file_format: str,
    choice: Choice,
    *,
    is_text_kept: bool = False,
) -> bytes:
    """One of `PLOTS`, of documents by alias. Equal documents give equal files.

    Args:
        file_format: "png" or "svg".
        is_text_kept: Letters in SVG stay text.

    Raises:
        InvalidInput: The format is unknown, or there is nothing to draw.
    """
    shown = subjects(documents, choice, with_search=name in _WITH_SEARCH)
    return picture_of(lambda: _DRAWINGS[name](shown), file_format, is_text_kept=is_text_kept)
