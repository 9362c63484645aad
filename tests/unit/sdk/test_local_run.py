"""The run context without a fleet."""

import json
from pathlib import Path

import pytest

import tensorfleet
from tensorfleet.sdk.local_run import LocalRun
from tensorfleet.shared.errors import InvalidInput, InvalidName


@pytest.fixture
def run(tmp_path: Path) -> LocalRun:
    return LocalRun(tmp_path / "run")


def test_init_without_a_fleet_is_local_and_takes_defaults(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    run = tensorfleet.init({"epochs": 3})
    assert isinstance(run, LocalRun)
    assert (run.params, run.resume(), run.should_stop) == ({"epochs": 3}, None, False)
    assert list(tmp_path.iterdir()) == []


def test_metrics_are_printed_and_kept(run: LocalRun, capsys: pytest.CaptureFixture[str]) -> None:
    run.log(step=2, loss=0.125)
    run.progress(1, 2)
    assert capsys.readouterr().out == "step      2  loss 0.125\n"
    row = json.loads((run.folder / "metrics.jsonl").read_text())
    assert (row["step"], row["loss"]) == (2, 0.125)


def test_dataset_comes_from_a_folder_or_a_function(run: LocalRun, tmp_path: Path) -> None:
    assert run.dataset("d", local=tmp_path) == tmp_path

    def write(folder: Path) -> None:
        (folder / "x").write_text("1")

    made = run.dataset("d", local=write)
    assert (made / "x").read_text() == "1"
    with pytest.raises(InvalidInput, match="local=folder"):
        run.dataset("d")
    with pytest.raises(InvalidInput, match="is not a folder"):
        run.dataset("d", local=tmp_path / "none")


def test_checkpoint_and_model_are_kept_on_this_machine(run: LocalRun, tmp_path: Path) -> None:
    source = tmp_path / "files"
    source.mkdir()
    (source / "w").write_text("1")
    run.checkpoint(3, source)
    saved = run.save_model(source, name="m", accuracy=1.0)
    assert (run.folder / "checkpoints/3/w").read_text() == "1"
    assert (run.folder / "models/m/w").read_text() == "1"
    assert (saved.version, saved.artifact_id) == (0, "")


def test_what_cannot_be_saved_says_so(run: LocalRun, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="does not exist"):
        run.checkpoint(1, tmp_path / "none")
    with pytest.raises(InvalidName):
        run.save_model(tmp_path, name="a/b")
