"""A model's versions as a table."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import RenderableType

from tensorfleet.cli.job_tables import plain_table
from tensorfleet.cli.words import ago, number, size, state_text
from tensorfleet.shared.rest.models import ModelVersion
from tensorfleet.shared.rest.numbers import from_json_number


def version_table(versions: Sequence[ModelVersion]) -> RenderableType:
    """One line for each version, newest first."""
    table = plain_table("version", "stage", "metrics", "takes → gives", "size", "job", "created")
    for version in versions:
        table.add_row(
            str(version.version),
            state_text(version.stage),
            ", ".join(
                f"{name} {number(from_json_number(value))}"
                for name, value in sorted(version.metrics.items())
            ),
            f"{_tensors(version.signature, 'inputs')} → {_tensors(version.signature, 'outputs')}",
            size(version.size_bytes),
            version.source.job_id if version.source else "",
            ago(version.create_time),
        )
    return table


def _tensors(signature: Mapping[str, Any], side: str) -> str:
    """Such as "float32[n,8,8]"."""
    found = []
    for tensor in signature.get(side, []):
        shape = ",".join("n" if size_ == -1 else str(size_) for size_ in tensor.get("shape", []))
        found.append(f"{tensor.get('dtype', '?')}[{shape}]")
    return ", ".join(found) or "?"
