"""What every benchmark does with its figures: one table for people, one file for programs."""

import json
import math
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

FOLDER = Path(__file__).parents[2] / "build" / "bench"


def record(name: str, figures: Mapping[str, Sequence[float]], aims: Mapping[str, str]) -> None:
    """Prints median, least and most of each figure, and writes the medians as flat JSON.

    Args:
        figures: Samples by key; the key ends in the unit.
        aims: What is aimed at, for people.
    """
    table = Table(title=f"bench {name}")
    for column in ("figure", "median", "min", "max", "samples", "aim"):
        is_text = column in ("figure", "aim")
        table.add_column(column, justify="left" if is_text else "right", no_wrap=column == "figure")
    for key, samples in figures.items():
        shown = (statistics.median(samples), min(samples), max(samples))
        table.add_row(key, *(f"{v:.4g}" for v in shown), str(len(samples)), aims.get(key, ""))
    Console(width=100).print(table)
    FOLDER.mkdir(parents=True, exist_ok=True)
    medians = {key: round(statistics.median(samples), 4) for key, samples in figures.items()}
    (FOLDER / f"{name}.json").write_text(json.dumps(medians, indent=2) + "\n")


def percentile(samples: Sequence[float], share: float) -> float:
    """The least sample that at least this share of all samples does not exceed (nearest rank)."""
    return sorted(samples)[max(0, math.ceil(share * len(samples)) - 1)]
