"""Documents as tables."""

import csv
import io
from pathlib import Path

import pytest
from msgspec.structs import replace

from tensorfleet.kinds.loadtest.record import Document, Sample
from tensorfleet.kinds.loadtest.reporting import tables
from tensorfleet.kinds.loadtest.reporting.csv_files import csv_text, write_csv
from tensorfleet.shared.errors import InvalidInput
from tests.unit.kinds.loadtest.documents_by_hand import document, point

WHOLE = document(is_full=True)


def test_points_have_a_row_each_with_every_percentile_of_every_time() -> None:
    rows = tables.point_rows(document(point(), point(load=3, is_valid=False, failed=2)))
    assert [row["label"] for row in rows] == ["200/s", "load 3"]
    for time in ("response", "service", "server", "lateness"):
        for name in ("mean", "min", "max", "p50", "p95", "p99", "p99.9", "p99.999"):
            assert f"{time}_{name}_seconds" in rows[0]
    assert rows[0]["server_p50_seconds"] is None
    assert rows[0].keys() == rows[1].keys()
    assert rows[0]["verdict"] == "valid"
    assert (rows[1]["verdict"], rows[1]["reasons"]) == ("INVALID", "GENERATOR_LATE")
    assert (rows[1]["load"], rows[1]["failed"], rows[1]["errors"]) == (3, 20, "TIMEOUT=20")
    assert rows[1]["error_share"] == pytest.approx(0.01)


def test_seconds_add_up_to_their_point() -> None:
    rows = [row for row in tables.second_rows(WHOLE) if row["point"] == 2]
    assert sum(row["scheduled"] for row in rows) == WHOLE.points[2].counts.scheduled
    assert rows[0]["at_seconds"] == WHOLE.points[2].start_seconds
    assert all(0 < row["response_p50_seconds"] < row["response_max_seconds"] for row in rows)


def test_machines_and_their_processes_have_a_row_a_sample() -> None:
    rows = tables.monitor_rows(WHOLE)
    assert len(rows) == len(WHOLE.watched[0].samples)
    assert rows[0]["cpu"] == pytest.approx(rows[0]["cpu_user"] + rows[0]["cpu_system"])
    assert rows[0]["busiest_core"] >= rows[0]["cpu"] * 0.9
    assert tables.process_rows(WHOLE)[-1]["process"] == "mongod"


def test_waiting_for_disks_is_not_cpu() -> None:
    assert tables.cpu_share(Sample(at=1.0)) is None
    assert tables.cpu_share(Sample(at=1.0, cpu_idle=0.3, cpu_iowait=0.5)) == pytest.approx(0.2)
    assert tables.cpu_share(Sample(at=1.0, cpu_user=0.3)) == pytest.approx(0.3)


def test_csv_files_have_the_tables_that_have_rows(tmp_path: Path) -> None:
    written = write_csv(tmp_path / "deep" / "er", WHOLE)
    names = ["points.csv", "seconds.csv", "steps.csv", "monitors.csv", "processes.csv"]
    assert [path.name for path in written] == names
    with (tmp_path / "deep" / "er" / "points.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["label"] for row in rows] == ["100/s", "200/s", "300/s"]
    assert float(rows[2]["response_p99_seconds"]) > 0.2
    assert write_csv(tmp_path / "none", Document(started_at="")) == []


def test_csv_keeps_odd_labels() -> None:
    odd = 'a,"b"\nc'
    rows = tables.point_rows(document(replace(point(), label=odd)))
    assert next(csv.DictReader(io.StringIO(csv_text(rows), newline="")))["label"] == odd


def test_csv_into_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    with pytest.raises(InvalidInput, match="taken is a file; name a folder"):
        write_csv(tmp_path / "taken", WHOLE)
