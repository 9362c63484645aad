"""`tensorfleet datasets`."""

from pathlib import Path
from typing import Annotated

import typer

AsJson = Annotated[bool, typer.Option("--json", help="Answer in JSON.")]

app = typer.Typer(help="List datasets, show one, upload a new version.")


@app.callback(invoke_without_command=True)
def list_datasets(ctx: typer.Context, *, as_json: AsJson = False) -> None:
    """List datasets; see the commands below for more."""
    if ctx.invoked_subcommand is not None:
        return
    from tensorfleet.cli.fleet_client import open_client
    from tensorfleet.cli.job_tables import plain_table
    from tensorfleet.cli.terminal import out, print_hint, print_json
    from tensorfleet.cli.words import ago

    with open_client() as client:
        datasets = list(client.datasets())
    if as_json:
        print_json({"datasets": datasets})
        return
    if not datasets:
        print_hint("No datasets yet. Upload one: tensorfleet datasets upload NAME FOLDER")
        return
    table = plain_table("name", "versions", "created", "description")
    for dataset in datasets:
        table.add_row(
            dataset.name, str(dataset.latest_version), ago(dataset.create_time), dataset.description
        )
    out().print(table)


@app.command()
def show(
    name: Annotated[str, typer.Argument(help="Name of the dataset.")], *, as_json: AsJson = False
) -> None:
    """Show a dataset's versions, newest first."""
    from tensorfleet.cli.fleet_client import open_client
    from tensorfleet.cli.job_tables import plain_table
    from tensorfleet.cli.terminal import out, print_json
    from tensorfleet.cli.words import ago, size

    with open_client() as client:
        versions = list(client.dataset_versions(name))
    if as_json:
        print_json({"dataset": name, "versions": versions})
        return
    table = plain_table("version", "files", "size", "owner", "created", "artifact")
    for version in versions:
        table.add_row(
            str(version.version),
            str(version.file_count),
            size(version.size_bytes),
            version.owner,
            ago(version.create_time),
            version.artifact_id[:16],
        )
    out().print(table)


@app.command()
def upload(
    name: Annotated[str, typer.Argument(help="Name of the dataset; a new one is made.")],
    folder: Annotated[Path, typer.Argument(help="Folder or file with the data.")],
    *,
    description: Annotated[
        str, typer.Option("--description", help="For people; kept when not given.")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Upload a folder as the next version of a dataset.

    Contents that the fleet has already are not sent again.
    """
    from tensorfleet.cli.fleet_client import open_client
    from tensorfleet.cli.terminal import done, out, print_json
    from tensorfleet.cli.words import size

    with open_client() as client:
        version = client.upload_dataset(name, folder, description)
    if as_json:
        print_json(version)
    else:
        aside = f"({version.file_count} files, {size(version.size_bytes)})"
        out().print(done(f"{version.dataset} version {version.version}", aside))
