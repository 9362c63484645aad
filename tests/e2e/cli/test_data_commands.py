"""Datasets, models and predictions through the command line on a real fleet."""

import json
from pathlib import Path

import pytest

from tests.fleets import FleetOnDisk

EXAMPLE = Path(__file__).parents[3] / "examples" / "digits" / "job.yaml"


def test_dataset_is_uploaded_listed_and_shown(fleet: FleetOnDisk, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "rows.csv").write_text("a,b\n1,2\n")
    assert fleet.cli("datasets", "upload", "rows", str(folder)).returncode == 0
    (folder / "more.csv").write_text("a,b\n3,4\n")
    second = json.loads(fleet.cli("datasets", "upload", "rows", str(folder), "--json").stdout)
    assert (second["version"], second["file_count"]) == (2, 2)

    listed = json.loads(fleet.cli("datasets", "--json").stdout)["datasets"]
    assert {"rows": 2}.items() <= {d["name"]: d["latest_version"] for d in listed}.items()
    assert "rows" in fleet.cli("datasets").stdout
    versions = json.loads(fleet.cli("datasets", "show", "rows", "--json").stdout)["versions"]
    assert [version["version"] for version in versions] == [2, 1]


def test_missing_folder_gives_status_2(fleet: FleetOnDisk, tmp_path: Path) -> None:
    done = fleet.cli("datasets", "upload", "nothing", str(tmp_path / "missing"))
    assert done.returncode == 2
    assert "missing" in done.stderr


@pytest.fixture(scope="session")
def digits(fleet: FleetOnDisk, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A trained and registered model's name."""
    folder = tmp_path_factory.mktemp("digits")
    from tensorfleet.cli.example_files import find_example, import_script

    import_script(find_example("digits") / "data.py").write_digits(folder)
    assert fleet.cli("datasets", "upload", "digits", str(folder)).returncode == 0
    done = fleet.cli("submit", str(EXAMPLE), "--watch", "--param", "epochs=2")
    assert done.returncode == 0, done.stdout + done.stderr
    return "digits"


def test_model_is_listed_shown_and_asked(fleet: FleetOnDisk, digits: str, tmp_path: Path) -> None:
    assert digits in [m["name"] for m in json.loads(fleet.cli("models", "--json").stdout)["models"]]
    shown = fleet.cli("models", "show", digits)
    assert "float32[n,8,8] → float32[n,10]" in shown.stdout

    blank = [[[0.0] * 8] * 8] * 2
    file = tmp_path / "input.json"
    file.write_text(json.dumps(blank))
    answer = json.loads(fleet.cli("predict", digits, "--input", str(file), "--json").stdout)
    (rows,) = answer["outputs"].values()
    assert [len(row) for row in rows] == [10, 10]
    piped = fleet.cli("predict", digits, "-i", "-", stdin=json.dumps({"inputs": blank}))
    assert piped.returncode == 0, piped.stderr
    assert "largest:" in piped.stdout


def test_wrong_inputs_give_status_2_and_say_what_fits(fleet: FleetOnDisk, digits: str) -> None:
    for wrong in ("[[1, 2]]", "not json", '"text"', '[["a"]]'):
        done = fleet.cli("predict", digits, "--input", "-", stdin=wrong)
        assert done.returncode == 2, (wrong, done.stdout, done.stderr)
        assert done.stderr.startswith("error: ")
    unknown = fleet.cli("predict", "no-such-model", "--input", "-", stdin="[[1]]")
    assert unknown.returncode == 1
