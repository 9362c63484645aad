"""A document as one HTML page that needs nothing else: no network, no script, no other file."""

from collections.abc import Callable, Sequence

import msgspec
from msgspec.structs import replace

from tensorfleet.kinds.drawing.quantities import rate_text, seconds_text, share_text
from tensorfleet.kinds.loadtest.histogram import Histogram
from tensorfleet.kinds.loadtest.record import Document
from tensorfleet.kinds.loadtest.reporting import html_cells as cells
from tensorfleet.kinds.loadtest.reporting import html_parts as html
from tensorfleet.kinds.loadtest.reporting.arrival_text import arrivals_text
from tensorfleet.kinds.loadtest.reporting.html_picture import pictures
from tensorfleet.kinds.loadtest.reporting.point_figures import (
    PointFigures,
    Spread,
)
from tensorfleet.kinds.loadtest.reporting.redaction import without_secrets
from tensorfleet.kinds.loadtest.reporting.tables import cpu_share
from tensorfleet.kinds.loadtest.reporting.verdict import (
    INVALID,
    PASSED,
    measured_text,
    verdict,
    verdict_lines,
)

_SPREADS: tuple[tuple[str, Callable[[PointFigures], Spread]], ...] = (
    ("Response time (from the intended start)", lambda figures: figures.response),
    ("Service time (from the send)", lambda figures: figures.service),
    ("The server's own time", lambda figures: figures.server),
    ("Lateness of the generator", lambda figures: figures.lateness),
)


def html_report(document: Document) -> str:
    """The whole report of one load test."""
    figures = [PointFigures(point) for point in document.points]
    document = replace(document, config=without_secrets(document.config))
    name = str(document.config.get("name") or document.config.get("target") or "load test")
    body = [
        _head(document, name),
        html.section("Search", _search(document)),
        html.section("What broke first", _bottleneck(document), pictures(document, ("evidence",))),
        html.section("Thresholds", _thresholds(document)),
        html.section("Points", _points(figures), _errors(figures)),
        html.section(
            "Pictures", pictures(document, ("load", "latency", "sent", "percentiles", "violin"))
        ),
        *(html.section(title, _times(figures, read)) for title, read in _SPREADS),
        html.section("Steps", _steps(document)),
        html.section("Machines", _machines(document), pictures(document, ("machines",))),
        html.section("Generators", _generators(document), pictures(document, ("lateness",))),
        html.section("Notes", html.bullets(f"{n.code}: {n.message}" for n in document.notes)),
        html.section("Configuration", _config(document)),
    ]
    return html.page(f"Load test: {name}", "".join(body))


def _head(document: Document, name: str) -> str:
    found = verdict(document)
    colour = {PASSED: "good", INVALID: "bad"}.get(found, "warn")
    lines = verdict_lines(document)
    ran = f"{document.started_at} to {document.ended_at}" if document.ended_at else "not ended"
    made = f"TensorFleet {document.tensorfleet}" if document.tensorfleet else ""
    config = document.config
    targets = [str(config.get("target", "")), *map(str, config.get("targets") or ())]
    shown = _best(document)
    spread = shown.response if shown else None
    return "".join(
        (
            html.text("h1", name),
            html.text("p", " · ".join(part for part in (*targets, ran, made) if part), "soft"),
            html.element("p", html.text("span", found, f"verdict {colour}")),
            html.bullets(lines, "reasons"),
            html.facts(
                (
                    ("shown here", shown.point.label if shown else ""),
                    ("answered", cells.rate(shown.answered_rate) if shown else ""),
                    ("p50", html.seconds_or_dash(spread.percentiles[50.0]) if spread else ""),
                    ("p99", html.seconds_or_dash(spread.percentiles[99.0]) if spread else ""),
                    ("max", html.seconds_or_dash(spread.maximum) if spread else ""),
                    ("errors", cells.share(shown.error_share) if shown else ""),
                )
            ),
        )
    )


def _best(document: Document) -> PointFigures | None:
    """The point to name first: the optimum of a search, else the last that counts."""
    points = [point for point in document.points if point.phase != "search"]
    search = document.search
    if search is not None and search.best is not None:
        at_best = [
            point
            for point in points
            if (point.load if search.parameter == "load" else point.rate) == search.best
        ]
        points = at_best or points
    chosen = points or list(document.points)
    return PointFigures(chosen[-1]) if chosen else None


def _search(document: Document) -> str:
    search = document.search
    if search is None:
        return ""
    is_rate = search.parameter == "rate"

    def shown(value: float | None) -> str:
        return "" if value is None else rate_text(value) if is_rate else f"{value:g}"

    pairs = (
        (f"highest {search.parameter} that keeps it", shown(search.best) or "none"),
        ("broken at", shown(search.broken_at)),
        ("limited by", search.limited_by),
        ("answered there", rate_text(search.achieved_rate) if search.achieved_rate else ""),
        ("knee", shown(search.knee.value) if search.knee else ""),
        ("objective", search.slo),
    )
    return html.facts(pairs) + (html.text("p", search.message) if search.message else "")


def _bottleneck(document: Document) -> str:
    found = document.bottleneck
    if found is None:
        return ""
    others = [breaking.message for breaking in found.all if breaking.message != found.message]
    return html.text("p", found.message or "No watched resource was used up.") + html.bullets(
        others
    )


def _thresholds(document: Document) -> str:
    rows = [
        (
            "" if result.passed else "bad",
            (
                result.threshold,
                result.point,
                measured_text(result),
                "kept" if result.passed else "BROKEN",
            ),
        )
        for result in document.thresholds
    ]
    return html.table(("threshold", "point", "measured", ""), rows)


def _points(figures: Sequence[PointFigures]) -> str:
    rows = [
        (
            "" if one.point.is_valid else "bad",
            (
                one.point.label,
                one.point.phase,
                one.verdict,
                arrivals_text(one.point.arrivals),
                *cells.rates(one),
                f"{one.point.counts.scheduled:,}",
                f"{one.point.counts.late:,}",
                f"{one.point.counts.held:,}",
                f"{one.open_count:,}",
            ),
        )
        for one in figures
    ]
    headers = ("point", "phase", "", "arrivals", "asked", "sent", "answered", "errors")
    return html.table((*headers, "scheduled", "sent late", "waited for a connection", "open"), rows)


def _errors(figures: Sequence[PointFigures]) -> str:
    rows = [
        ("", (one.point.label, code, f"{count:,}"))
        for one in figures
        for code, count in sorted(one.point.counts.errors.items(), key=lambda item: -item[1])
    ]
    return html.table(("failures of", "code", "count"), rows)


def _times(figures: Sequence[PointFigures], read: Callable[[PointFigures], Spread]) -> str:
    rows = [
        (
            "" if one.point.is_valid else "bad",
            (one.point.label, one.point.phase, *cells.times(read(one))),
        )
        for one in figures
        if read(one).count
    ]
    told = "A percentile rarer than one in all answers of its point is the maximum."
    return html.table(("point", "phase", *cells.TIMES), rows) + (
        html.text("p", told, "soft") if rows else ""
    )


def _steps(document: Document) -> str:
    rows = []
    for point in document.points:
        # A single step says nothing that the point does not.
        for step in point.steps if len(point.steps) > 1 else ():
            spread = Spread.of(Histogram.decode(step.service))
            errors = " ".join(f"{code}={count}" for code, count in step.errors.items())
            row = (point.label, step.name, f"{step.answered:,}", f"{step.failed:,}", errors)
            rows.append(("", (*row, *cells.times(spread))))
    return html.table(("point", "step", "answered", "failed", "errors", *cells.TIMES), rows)


def _machines(document: Document) -> str:
    rows = []
    problems = []
    for watched in document.watched:
        cpu = [share for sample in watched.samples if (share := cpu_share(sample)) is not None]
        memory = [
            sample.memory_used_bytes / sample.memory_total_bytes
            for sample in watched.samples
            if sample.memory_used_bytes is not None and sample.memory_total_bytes
        ]
        pings = [s.ping_seconds for s in watched.samples if s.ping_seconds is not None]
        row = (
            watched.alias,
            watched.host,
            watched.source,
            str(watched.core_count or ""),
            str(len(watched.samples)),
            cells.share(sum(cpu) / len(cpu)) if cpu else "–",
            cells.share(max(cpu, default=None)),
            cells.share(max(memory, default=None)),
            html.seconds_or_dash(sum(pings) / len(pings) if pings else None),
        )
        rows.append(("", row))
        problems += [f"{watched.alias}: {problem}" for problem in watched.problems]
    headers = ("machine", "host", "watched by", "cores", "samples", "CPU, mean", "CPU, most")
    return html.table((*headers, "memory, most", "ping, mean"), rows) + html.bullets(
        problems, "reasons"
    )


def _generators(document: Document) -> str:
    rows = [
        (
            "",
            (
                point.label,
                generator.name,
                f"{generator.sent:,}",
                share_text(generator.cpu_share) + (" (spins)" if generator.waits_busily else ""),
                seconds_text(generator.lateness_p99_seconds),
            ),
        )
        for point in document.points
        for generator in point.generators
    ]
    return html.table(("point", "generator", "sent", "CPU of a core", "lateness p99"), rows)


def _config(document: Document) -> str:
    shown = msgspec.json.format(msgspec.json.encode(document.config), indent=2)
    return html.text("pre", shown.decode()) if document.config else ""
