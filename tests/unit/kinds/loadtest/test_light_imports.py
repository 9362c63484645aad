"""What the orchestrator and the base install import of load tests does without numpy."""

import subprocess
import sys

import pytest


@pytest.mark.parametrize("module", ["campaign.objective", "cases.loader", "cases.target"])
def test_module_is_imported_without_the_extras(module: str) -> None:
    program = (
        f"import sys; import tensorfleet.kinds.loadtest.{module}; "
        "print([m for m in ('numpy', 'matplotlib', 'uvloop', 'asyncssh') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == "[]"
