"""The promises hold in a fleet where everything goes wrong, and breaking a rule is noticed."""

from dataclasses import replace

import pytest

from tests.simulation.checks import Violation
from tests.simulation.machine import Fault
from tests.simulation.simulation import STARVATION_BOUND_SECONDS, Options, Result, Simulation

SMALL = Options(workers=150, tasks=6_000)


def check_that_everything_happened(result: Result) -> None:
    """A run proves nothing of what did not occur in it."""
    happened = ["lost", "failed", "preempted", "late reports refused", "claims that came second"]
    happened += [fault.value for fault in Fault]
    assert [name for name in happened if not result.counts[name]] == []
    assert min(result.twins) > 0


def test_thousand_workers_keep_every_promise() -> None:
    result = Simulation(Options(workers=1_000, tasks=30_000)).run()
    check_that_everything_happened(result)
    assert result.longest_unserved <= STARVATION_BOUND_SECONDS


@pytest.mark.parametrize("seed", [2, 3])
def test_promises_hold_whatever_the_seed(seed: int) -> None:
    Simulation(replace(SMALL, seed=seed)).run()


def test_equal_seeds_give_equal_runs() -> None:
    tiny = Options(workers=40, tasks=1_000, seed=4)
    first, second = Simulation(tiny).run(), Simulation(tiny).run()
    assert first.counts == second.counts
    assert first.simulated_seconds == second.simulated_seconds


@pytest.mark.parametrize(
    ("broken", "notice"),
    [
        (replace(SMALL, is_fencing=False), "took effect twice"),
        (replace(SMALL, requeues_lost=False), "were lost"),
        (replace(SMALL, keeps_gangs_whole=False), "of a gang run"),
        (replace(SMALL, is_ageing=False), "starved"),
        (replace(SMALL, is_fair=False), "equal tenants held"),
    ],
    ids=["fencing", "requeueing", "gangs", "ageing", "fairness"],
)
def test_broken_rule_is_noticed(broken: Options, notice: str) -> None:
    with pytest.raises(Violation, match=notice):
        Simulation(broken).run()
