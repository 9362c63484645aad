"""What services without numpy import does not need it."""

import subprocess
import sys

import pytest


@pytest.mark.parametrize("module", ["result", "readings"])
def test_module_is_imported_without_numpy_or_matplotlib(module: str) -> None:
    program = (
        f"import sys; import tensorfleet.kinds.profile.{module}; "
        "print([m for m in ('numpy', 'matplotlib', 'sklearn') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == "[]"
