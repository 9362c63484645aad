import pytest

from tensorfleet.kinds.loadtest.monitors.machine_record import MOST_PROBLEMS, MachineRecord
from tests.unit.kinds.loadtest.monitors.samples import idle_sample, process


def record(**changes: object) -> MachineRecord:
    fields = {"alias": "db", "source": "ssh", "host": "db.example", "interval_seconds": 0.5}
    return MachineRecord(**(fields | changes))  # type: ignore[arg-type]


def test_samples_are_kept_in_order() -> None:
    kept = record()
    kept.cores(8)
    kept.add(idle_sample(0.5))
    kept.add(idle_sample(1.0))
    watched = kept.watched()
    assert [sample.at for sample in watched.samples] == [0.5, 1.0]
    assert (watched.alias, watched.source, watched.host) == ("db", "ssh", "db.example")
    assert (watched.core_count, watched.interval_seconds) == (8, 0.5)


def test_long_run_has_longer_intervals_instead_of_more() -> None:
    kept = record(most_samples=8)
    for number in range(1, 101):
        kept.add(
            idle_sample(
                number * 0.5,
                disk_busy=number / 100,
                memory_used_bytes=number,
                cores=(0.0, number / 100),
                processes=(process("web", busiest=number / 100),),
            )
        )
        assert len(kept.watched().samples) <= 8
    watched = kept.watched()
    assert watched.interval_seconds == 8.0
    assert [sample.at for sample in watched.samples] == [8.0, 16.0, 24.0, 32.0, 40.0, 48.0, 50.0]
    first = watched.samples[0]
    assert first.disk_busy == pytest.approx(sum(range(1, 17)) / 16 / 100)
    assert first.cores == pytest.approx((0.0, sum(range(1, 17)) / 16 / 100))
    assert first.memory_used_bytes == pytest.approx(8.5, abs=1)
    assert first.processes[0].busiest_share == pytest.approx(sum(range(1, 17)) / 16 / 100)
    assert first.ping_seconds is None


def test_same_problem_is_kept_once_and_many_do_not_pile_up() -> None:
    kept = record()
    for number in range(2 * MOST_PROBLEMS):
        kept.problem(f"problem {number}")
        kept.problem(f"problem {number}")
    assert len(kept.watched().problems) == MOST_PROBLEMS
    assert kept.watched().problems[:2] == ("problem 0", "problem 1")


def test_ping_is_added_where_the_source_has_none() -> None:
    kept = record(ping=lambda: 0.25)
    kept.add(idle_sample(0.5))
    kept.add(idle_sample(1.0, ping_seconds=0.125))
    assert [sample.ping_seconds for sample in kept.watched().samples] == [0.25, 0.125]
