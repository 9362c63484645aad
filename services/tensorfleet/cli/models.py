"""`tensorfleet models`."""

from typing import Annotated

import typer

AsJson = Annotated[bool, typer.Option("--json", help="Answer in JSON.")]

app = typer.Typer(help="List registered models, show one.")


@app.callback(invoke_without_command=True)
def list_models(ctx: typer.Context, *, as_json: AsJson = False) -> None:
    """List registered models; see the commands below for more."""
    if ctx.invoked_subcommand is not None:
        return
    from tensorfleet.cli.fleet_client import open_client
    from tensorfleet.cli.job_tables import plain_table
    from tensorfleet.cli.terminal import out, print_hint, print_json
    from tensorfleet.cli.words import ago

    with open_client() as client:
        models = list(client.models())
    if as_json:
        print_json({"models": models})
        return
    if not models:
        print_hint("No models yet. A training script registers one with run.save_model(...)")
        return
    table = plain_table("name", "versions", "in production", "created", "description")
    for model in models:
        table.add_row(
            model.name,
            str(model.latest_version),
            str(model.production_version or "none"),
            ago(model.create_time),
            model.description,
        )
    out().print(table)


@app.command()
def show(
    name: Annotated[str, typer.Argument(help="Name of the model.")], *, as_json: AsJson = False
) -> None:
    """Show a model's versions: what they measured, where they come from."""
    from tensorfleet.cli.fleet_client import open_client
    from tensorfleet.cli.model_table import version_table
    from tensorfleet.cli.terminal import out, print_hint, print_json

    with open_client() as client:
        versions = list(client.model_versions(name))
    if as_json:
        print_json({"model": name, "versions": versions})
        return
    out().print(version_table(versions))
    print_hint(f"Try it: tensorfleet predict {name} --input FILE.json")
