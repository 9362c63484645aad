"""The command line's entry: all commands, and how errors end."""

import os
import sys
import traceback
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from tensorfleet import __version__
from tensorfleet.cli import (
    call,
    datasets,
    demo,
    doctor,
    explain,
    job_changes,
    jobs,
    loadtest,
    models,
    predict,
    profile,
    results,
    settings,
    status,
    submit,
    up,
    watch,
    workers,
)
from tensorfleet.cli.exit_status import EPILOG, FAILED, INTERRUPTED, exit_status
from tensorfleet.shared.errors import TensorFleetError


class FleetGroup(TyperGroup):
    """Ends every command the same way when something goes wrong."""

    def invoke(self, ctx: Any) -> Any:
        """Runs the command; errors become one clear line and an exit status."""
        try:
            return super().invoke(ctx)
        except TensorFleetError as exc:
            _say(exc, str(exc))
            raise typer.Exit(exit_status(exc)) from exc
        except ModuleNotFoundError as exc:
            package = (exc.name or "").partition(".")[0]
            if package in ("", "tensorfleet"):
                raise
            _say(exc, f"this needs {package}, which is not here: pip install 'tensorfleet[all]'")
            raise typer.Exit(FAILED) from exc
        except BrokenPipeError:
            raise
        except OSError as exc:
            _say(exc, str(exc))
            raise typer.Exit(FAILED) from exc
        except KeyboardInterrupt:
            raise typer.Exit(INTERRUPTED) from None


app = typer.Typer(
    name="tensorfleet",
    cls=FleetGroup,
    help="One fleet for machine-learning work: train, serve and measure, from one install.",
    epilog=EPILOG,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(is_asked: bool) -> None:
    if is_asked:
        typer.echo(f"tensorfleet {__version__}")
        raise typer.Exit


@app.callback()
def root(
    *,
    version: Annotated[
        bool,
        typer.Option(
            "--version", help="Print the version and exit.", callback=_show_version, is_eager=True
        ),
    ] = False,
) -> None:
    """One fleet for machine-learning work: train, serve and measure, from one install."""


FLEET = "A fleet on this machine"
JOBS = "Jobs"
MEASURING = "Measuring"
DATA = "Data and models"
MACHINE = "Machines"

app.command(rich_help_panel=FLEET)(up.up)
app.command(rich_help_panel=FLEET)(up.down)
app.command(rich_help_panel=FLEET)(demo.demo)
app.command(rich_help_panel=JOBS)(submit.submit)
app.command(rich_help_panel=JOBS)(call.call)
app.command(rich_help_panel=JOBS)(watch.watch)
app.command(rich_help_panel=JOBS)(jobs.jobs)
app.command(rich_help_panel=JOBS)(jobs.show)
app.command(rich_help_panel=JOBS)(watch.logs)
app.command(rich_help_panel=JOBS)(results.results)
app.command(rich_help_panel=JOBS)(results.plot)
app.add_typer(profile.app, name="profile", rich_help_panel=MEASURING)
app.command(rich_help_panel=MEASURING)(profile.compare)
app.command(rich_help_panel=JOBS)(explain.explain)
app.command(rich_help_panel=JOBS)(job_changes.update)
app.command(rich_help_panel=JOBS)(job_changes.pause)
app.command(rich_help_panel=JOBS)(job_changes.resume)
app.command(rich_help_panel=JOBS)(jobs.cancel)
app.command(rich_help_panel=JOBS)(job_changes.retry)
app.add_typer(loadtest.app, name="loadtest", rich_help_panel=MEASURING)
app.add_typer(datasets.app, name="datasets", rich_help_panel=DATA)
app.add_typer(models.app, name="models", rich_help_panel=DATA)
app.command(rich_help_panel=DATA)(predict.predict)
app.command(rich_help_panel=MACHINE)(status.status)
app.command(rich_help_panel=MACHINE)(workers.workers)
app.command(rich_help_panel=MACHINE)(workers.drain)
app.command(rich_help_panel=MACHINE)(workers.undrain)
app.command(rich_help_panel=MACHINE)(doctor.doctor)
app.command(rich_help_panel=MACHINE)(settings.settings)


def main() -> None:
    """Runs the command line."""
    try:
        app()
    except Exception as exc:  # noqa: BLE001  a bug; its traceback is for those who ask for it
        _say(exc, f"a bug in TensorFleet: {type(exc).__name__}: {exc} (TENSORFLEET_DEBUG=1: where)")
        sys.exit(FAILED)


def _say(error: Exception, message: str) -> None:
    from tensorfleet.cli.terminal import print_error

    print_error(message)
    if os.environ.get("TENSORFLEET_DEBUG"):
        traceback.print_exception(error, file=sys.stderr)


if __name__ == "__main__":
    main()
