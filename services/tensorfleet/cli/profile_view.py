"""What profiles and comparisons look like in a terminal."""

from collections.abc import Iterable
from math import log
from typing import TYPE_CHECKING, Any

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from tensorfleet.cli.job_tables import plain_table
from tensorfleet.cli.words import call_time, size

if TYPE_CHECKING:
    from tensorfleet.cli.profile_check import Gate

BAR_WIDTH = 24
MEGABYTE = 1_000_000
_VERDICT_STYLES = {"faster": "green", "slower": "red", "mixed": "yellow"}


def print_report(console: Console, report: dict[str, Any]) -> None:
    """Everything that a profile job found, one part below the other."""
    parts = [
        *(_series(series) for series in report["series"]),
        *(_comparison(comparison) for comparison in report["comparisons"]),
    ]
    if "against_baseline" in report:
        parts = [_against_baseline(report["against_baseline"])]
    for number, part in enumerate(parts):
        if number:
            console.print()
        console.print(part)
    for failure in report["failures"]:
        console.print(Text.assemble(("✖ ", "red"), f"task {failure['task']}: {failure['message']}"))
    if not parts and not report["failures"]:
        console.print(Text("nothing measured yet", "dim"))


def _series(series: dict[str, Any]) -> RenderableType:
    title = Text.assemble((series["algorithm"], "bold"), ("  on ", "dim"), series["input"])
    table = plain_table("size", "time of a call", "±", "", "memory", "CPU", "")
    for column in (0, 1, 2, 4, 5):
        table.columns[column].justify = "right"
    most = max((cell["median"] or 0.0 for cell in series["cells"]), default=0.0)
    least = min((cell["median"] for cell in series["cells"] if cell["median"]), default=0.0)
    for cell in series["cells"]:
        _add_cell(table, cell, least, most)
    lines: list[RenderableType] = [title, table, _complexity_line(series)]
    memory = series["memory_complexity"]
    if memory is not None and memory["class"]:
        lines.append(Text.assemble(("memory ", "dim"), (f"O({memory['class']})", "bold")))
    lines += _warnings(series["warnings"], series["cells"])
    return Group(*lines)


def _add_cell(table: Table, cell: dict[str, Any], least: float, most: float) -> None:
    if cell["median"] is None:
        problem = cell["error"] or {"code": "", "message": "not measured"}
        table.add_row(
            f"{cell['size']:,}", Text(problem["code"], "red"), "", "", "", "", _first_line(problem)
        )
        return
    table.add_row(
        f"{cell['size']:,}",
        Text(call_time(cell["median"]), "bold"),
        Text(_spread(cell), "dim"),
        Text(_log_bar(cell["median"], least, most), "cyan"),
        "" if cell["memory_mb"] is None else size(cell["memory_mb"] * MEGABYTE),
        "" if cell["cpu_percent"] is None else f"{cell['cpu_percent']:.0f} %",
        Text("▲" if cell["warnings"] else "", "yellow"),
    )


def _spread(cell: dict[str, Any]) -> str:
    if cell["low"] is None or not cell["median"]:
        return ""
    return f"{50 * (cell['high'] - cell['low']) / cell['median']:.1f} %"


def _log_bar(value: float, least: float, most: float) -> str:
    """A bar as long as the logarithm of the value: growth by a factor is a step."""
    if not 0 < least < most:
        return ""
    share = log(value / least) / log(most / least)
    return "━" * (1 + round(share * (BAR_WIDTH - 1)))


def _complexity_line(series: dict[str, Any]) -> RenderableType:
    found, expected = series["complexity"], series["expected"]
    if found["class"] is None:
        line = Text.assemble(("time ", "dim"), (f"cannot tell: {found['advice']}", "yellow"))
    else:
        line = Text.assemble(
            ("time ", "dim"),
            (f"O({found['class']})", "bold green" if series["agrees"] is not False else "bold red"),
            (f"  in {found['confidence']:.0%} of resamples", "dim"),
        )
    exponent = found["exponent"]
    if exponent and found["class"] is not None:
        line.append(
            f"  grows as n^{exponent['value']:.2f} "
            f"({exponent['low']:.2f} to {exponent['high']:.2f})",
            "dim",
        )
    if expected and series["agrees"] is not True:
        line.append(f"  expected O({expected})", "red" if series["agrees"] is False else "dim")
    return line


def _warnings(
    general: list[dict[str, str]], cells: Iterable[dict[str, Any]]
) -> list[RenderableType]:
    """Each once, with the sizes that it concerns."""
    concerned: dict[str, list[str]] = {}
    messages: dict[str, str] = {}
    for cell in cells:
        for warning in cell["warnings"]:
            concerned.setdefault(warning["code"], []).append(f"{cell['size']:,}")
            messages.setdefault(warning["code"], warning["message"])
    lines: list[RenderableType] = [
        Text.assemble(("▲ ", "yellow"), (warning["code"], "yellow"), f" {_first_line(warning)}")
        for warning in general
    ]
    for code, sizes in concerned.items():
        where = f"at {', '.join(dict.fromkeys(sizes))}"
        first = messages[code].splitlines()[0]
        lines.append(Text.assemble(("▲ ", "yellow"), (code, "yellow"), f" {where}: {first}"))
    return lines


def _comparison(comparison: dict[str, Any]) -> RenderableType:
    title = Text.assemble(
        (comparison["b"], "bold"),
        (" against ", "dim"),
        (comparison["a"], "bold"),
        ("  on ", "dim"),
        comparison["input"],
    )
    table = plain_table("size", comparison["a"], comparison["b"], "ratio", "95 % interval", "p", "")
    for column in range(6):
        table.columns[column].justify = "right"
    for cell in comparison["sizes"]:
        if cell["ratio"] is None:
            problem = cell["error"] or {"message": cell["message"]}
            trouble = Text(_first_line(problem), "red")
            table.add_row(f"{cell['size']:,}", "", "", "", "", "", trouble)
            continue
        table.add_row(
            f"{cell['size']:,}",
            call_time(cell["median_a"]),
            call_time(cell["median_b"]),
            Text(f"× {cell['ratio']:.3f}", "bold"),
            _interval(cell),
            "" if cell["p_value"] is None else f"{cell['p_value']:.2g}",
            Text(cell["verdict"], _VERDICT_STYLES.get(cell["verdict"], "dim")),
        )
    style = _VERDICT_STYLES.get(comparison["verdict"], "")
    return Group(
        title,
        table,
        Text(comparison["summary"], style),
        *_warnings(comparison["warnings"], comparison["sizes"]),
    )


def _against_baseline(found: dict[str, Any]) -> RenderableType:
    table = plain_table("algorithm", "input", "size", "ratio", "95 % interval", "")
    for cell in found["cells"]:
        style = "red" if cell["regressed"] else _VERDICT_STYLES.get(cell["verdict"], "dim")
        table.add_row(
            cell["algorithm"],
            cell["input"],
            f"{cell['size']:,}",
            "" if cell["ratio"] is None else Text(f"× {cell['ratio']:.3f}", "bold"),
            _interval(cell),
            Text(cell["verdict"], style),
        )
    return Group(table, Text(found["message"], "yellow" if found["normalized"] else ""))


def gate_table(gate: "Gate") -> RenderableType:
    """What a check for regressions found."""
    table = plain_table("", "algorithm", "input", "size", "ratio", "95 % interval", "")
    for verdict in gate.verdicts:
        mark = Text("✔", "green") if verdict.has_passed else Text("✖", "red")
        shown = {"low": verdict.low, "high": verdict.high}
        table.add_row(
            mark,
            verdict.algorithm,
            verdict.input,
            f"{verdict.size:,}",
            "" if verdict.ratio is None else Text(f"× {verdict.ratio:.3f}", "bold"),
            _interval(shown),
            Text(verdict.message.splitlines()[0], "" if verdict.has_passed else "red"),
        )
    failed = sum(not verdict.has_passed for verdict in gate.verdicts)
    limit = f"{gate.max_regression:.3g}"
    how = "measured side by side" if gate.is_interleaved else "from recorded results"
    if not gate.verdicts:
        last = Text("nothing could be compared", "red")
    elif failed:
        last = Text(f"{failed} of {len(gate.verdicts)} slower beyond {limit}, {how}", "bold red")
    else:
        last = Text(f"none of {len(gate.verdicts)} slower beyond {limit}, {how}", "green")
    return Group(table, last)


def algorithms_table(found: list[Any]) -> RenderableType:
    """Those that can be named."""
    table = plain_table("name", "inputs", "expected", "of", "what it does")
    for entry in found:
        expected = ", ".join(dict.fromkeys(entry.expected.values()))
        table.add_row(
            Text(entry.name, "bold"),
            " ".join(entry.inputs),
            expected,
            Text("built in", "dim") if entry.builtin else entry.owner,
            entry.description.split(". ")[0],
        )
    return table


def _interval(cell: dict[str, Any]) -> Text:
    if cell["low"] is None or cell["high"] is None:
        return Text("")
    return Text(f"{cell['low']:.3f} – {cell['high']:.3f}", "dim")


def _first_line(problem: dict[str, str]) -> str:
    lines = problem["message"].splitlines()
    return lines[0] if lines else ""
