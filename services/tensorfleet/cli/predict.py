"""`tensorfleet predict`: asks a registered model."""

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer


def predict(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="Name of the model.")],
    *,
    source: Annotated[
        str,
        typer.Option(
            "--input",
            "-i",
            metavar="FILE|-",
            help="JSON file with the batch, one row for each example; - reads standard input.",
        ),
    ],
    version: Annotated[
        int | None,
        typer.Option("--version", min=1, help="Else the one in production, else the newest."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The whole answer in JSON.")] = False,
) -> None:
    """Predict a batch of inputs by a registered model.

    The input is nested lists of numbers, an object of such lists by the input's name, or an object
    with "inputs" as the REST door takes it.
    """
    from tensorfleet.cli.fleet_client import open_client
    from tensorfleet.cli.prediction_table import prediction_table
    from tensorfleet.cli.terminal import done, out, print_json

    inputs = read_inputs(source)
    with open_client() as client:
        prediction = client.predict(model, inputs, version=version)
    if as_json:
        print_json(prediction)
        return
    aside = f"({prediction.compute_ms:.2f} ms in the model)"
    out().print(done(f"{prediction.model} version {prediction.version}", aside))
    out().print(prediction_table(prediction.outputs))


def read_inputs(source: str) -> Any:
    """The batch in a JSON file, or on standard input for "-".

    Raises:
        InvalidInput: It cannot be read, or is not a batch.
    """
    from tensorfleet.shared.errors import InvalidInput

    try:
        text = sys.stdin.read() if source == "-" else Path(source).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as exc:
        raise InvalidInput(f"cannot read the input {source}: {exc}") from exc
    where = "standard input" if source == "-" else source
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as exc:
        raise InvalidInput(f"{where} is not JSON: {exc}") from exc
    if isinstance(document, dict) and set(document) <= {"inputs", "version"}:
        document = document.get("inputs")
    if not isinstance(document, list | dict):
        raise InvalidInput(f"{where} must hold nested lists of numbers, one row for each example")
    return document
