"""`tensorfleet loadtest`: how much a service can take, and what breaks first."""

from typing import Any

import typer
from typer.core import TyperGroup

from tensorfleet.cli import loadtest_load, loadtest_results, loadtest_target
from tensorfleet.cli.exit_status import FAILED

_EXTRA = frozenset({"asyncssh", "grpc_tools", "matplotlib", "numpy", "psutil", "uvloop"})


class LoadTestGroup(TyperGroup):
    """Says which extra is missing."""

    def invoke(self, ctx: Any) -> Any:
        """Runs the command."""
        try:
            return super().invoke(ctx)
        except ModuleNotFoundError as exc:
            package = (exc.name or "").partition(".")[0]
            if package not in _EXTRA:
                raise
            from tensorfleet.cli.terminal import print_error

            message = f"load tests need {package}, which is not here"
            print_error(f"{message}: pip install 'tensorfleet[loadtest]'")
            raise typer.Exit(FAILED) from exc


app = typer.Typer(
    cls=LoadTestGroup,
    help="Load a service at an exact rate: its response times, its limits, what breaks first.",
    no_args_is_help=True,
)

app.command()(loadtest_load.run)
app.command()(loadtest_load.find_max_load)
app.command()(loadtest_load.find_max_rps)
app.command()(loadtest_results.show)
app.command()(loadtest_results.report)
app.command()(loadtest_results.plot)
app.command()(loadtest_results.compare)
app.command()(loadtest_target.cases)
app.command()(loadtest_target.target)
