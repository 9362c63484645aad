"""`tensorfleet settings`: every setting of every service."""

import typer


def settings() -> None:
    """Print every setting of the services, as a .env file with comments."""
    from tensorfleet.local.service_settings import describe_all_settings

    typer.echo(describe_all_settings(), nl=False)
