"""`tensorfleet explain`: why a job waits."""

from typing import Annotated

import typer


def explain(
    job: Annotated[str, typer.Argument(metavar="JOB", help="Id of the job.")],
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Answer in JSON.")] = False,
) -> None:
    """Say why a job waits: its place, what stands in its way, when it may start."""
    from tensorfleet.cli.explanation_view import explanation_view
    from tensorfleet.cli.fleet_client import open_client
    from tensorfleet.cli.terminal import out, print_json

    with open_client() as client:
        explanation = client.explain(job)
    if as_json:
        print_json(explanation)
    else:
        out().print(explanation_view(explanation))
