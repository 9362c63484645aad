"""Small jobs for the command line to work on."""

import textwrap
from pathlib import Path

import pytest

SCRIPT = """
import pathlib
import tensorfleet

run = tensorfleet.init()
print("hello from", run.job_name)
steps = int(run.params["steps"])
for step in range(1, steps + 1):
    run.log(step=step, loss=1 / step)
    run.progress(step, steps, "steps")
if run.params.get("fails"):
    raise SystemExit("the data is bad")
folder = pathlib.Path("weights")
folder.mkdir()
(folder / "weights.txt").write_text("0.5")
run.checkpoint(steps, folder)
run.save_model(folder, name="folder-model", accuracy=0.5)
"""

JOB = """
kind: train
name: small
code: code
spec:
  entrypoint: train.py
  params: {steps: 5}
"""


@pytest.fixture
def job_file(tmp_path: Path) -> Path:
    """A job file beside its code folder; the script needs a second, and no torch."""
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "train.py").write_text(SCRIPT)
    file = tmp_path / "job.yaml"
    file.write_text(textwrap.dedent(JOB))
    return file
