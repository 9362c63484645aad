"""`tensorfleet loadtest show`, `report`, `plot` and `compare`, on prepared documents."""

import json
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from typer.testing import CliRunner, Result

from tensorfleet.cli import terminal
from tensorfleet.cli.main import app
from tensorfleet.kinds.loadtest.reporting.document_file import write_document
from tests.unit.kinds.loadtest.documents_by_hand import document, point


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with three results, where the command runs."""
    monkeypatch.chdir(tmp_path)
    for name, factor in (("a", 1.0), ("b", 2.0)):
        write_document(tmp_path / f"{name}.json", document(is_full=True, factor=factor))
    write_document(tmp_path / "c.json", document(point(5.0, load=15)))
    return tmp_path


def run(*arguments: str) -> Result:
    # Consoles are kept, and would write to where the first test's output went.
    terminal.out.cache_clear()
    terminal.err.cache_clear()
    done = CliRunner().invoke(app, ["loadtest", *arguments])
    terminal.out.cache_clear()
    terminal.err.cache_clear()
    return done


def test_show_tells_everything_that_matters(folder: Path) -> None:
    done = run("show", "a.json")
    assert done.exit_code == 0
    for text in (
        *("100/s", "300/s", "TIMEOUT=40", "p99.999", "response time, from the intended start"),
        *("service time, from the send", "200/s is the highest rate that keeps p99<200ms"),
        *("cpu of db at 96 %", "✔ p99<200ms", "✖ errors<0.1% at 300/s: measured 1.3 %", "FAILED"),
    ):
        assert text in done.output
    assert json.loads(run("show", "a.json", "--json").output)["format"] == "tensorfleet-loadtest"


def test_reports_are_written(folder: Path) -> None:
    arguments = ("--html", "r.html", "--csv", "tables", "--junit", "j.xml")
    assert run("report", "c.json", *arguments).exit_code == 0
    assert (folder / "r.html").read_text().startswith("<!DOCTYPE html>")
    assert (folder / "tables" / "points.csv").read_text().startswith("label,phase,")
    assert ET.parse(folder / "j.xml").getroot().tag == "testsuites"  # noqa: S314 - made here


def test_plots_are_listed_and_drawn(folder: Path) -> None:
    assert "percentiles" in run("plot", "a.json").output
    assert run("plot", "a.json", "load").exit_code == 0
    assert (folder / "load.png").read_bytes().startswith(b"\x89PNG")
    assert run("plot", "a.json", "violin", "-o", "v.svg", "--points", "100/s").exit_code == 0
    assert b"<svg" in (folder / "v.svg").read_bytes()


def test_comparison_is_a_table_json_a_page_and_a_picture(folder: Path) -> None:
    done = run("compare", "a.json", "b.json", "--rate", "200", "--alias", "a=old-db")
    assert done.exit_code == 0
    lines = [line.split() for line in done.output.splitlines()]
    assert lines[0] == ["200/s"]
    assert [line[0] for line in lines[2:]] == ["old-db", "b"]
    assert "×2" in done.output
    told = json.loads(run("compare", "a.json", "b.json", "--json").output)
    assert told["aliases"] == ["a", "b"]
    assert len(told["levels"]) == 3
    done = run("compare", "a.json", "b.json", "--rate", "200", "--html", "c.html", "-o", "c.png")
    assert done.exit_code == 0
    assert (folder / "c.html").read_text().count("<svg") == 5
    assert (folder / "c.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("show", "none.json"), "cannot read none.json"),
        (("show", "odd.json"), "is not JSON"),
        (("report", "a.json"), "say what to write"),
        (("plot", "a.json", "pie"), "no plot 'pie'; there are: percentiles"),
        (("plot", "a.json", "load", "-o", "x.gif"), "end it with one of .png, .svg"),
        (("plot", "a.json", "load", "--points", "9/s"), "no point fits; there are: 100/s"),
        (("compare", "a.json"), "two load tests or more"),
        (("compare", "a.json", "a.json"), "called 'a': name them with --alias"),
        (("compare", "a.json", "c.json"), "no load in common"),
        (("compare", "a.json", "b.json", "--alias", "z=y"), "no such load test; there are: a, b"),
        (("compare", "a.json", "b.json", "--alias", "z"), "NAME=ALIAS"),
        (("run", "none.yaml"), "none.yaml"),
        (("run", "localhost:80", "--rate", "1"), "a target is http://"),
        (("run", "http://127.0.0.1:1", "--duration", "soon"), "is no time"),
        (("find-max-load", "http://127.0.0.1:1"), "--max-response 2s"),
    ],
)
def test_wrong_input_is_status_2_with_what_to_do(
    folder: Path, arguments: tuple[str, ...], message: str
) -> None:
    (folder / "odd.json").write_text("{")
    before = sorted(folder.iterdir())
    done = run(*arguments)
    assert done.exit_code == 2
    assert message in done.output
    assert sorted(folder.iterdir()) == before
