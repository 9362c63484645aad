"""One fleet for a data folder."""

from pathlib import Path

import pytest

from tensorfleet.local.fleet_lock import FleetRunsAlready, fleet_locked, is_locked


def test_lock_is_held_by_one_and_free_afterwards(tmp_path: Path) -> None:
    file = tmp_path / "fleet.lock"
    assert not is_locked(file)
    with fleet_locked(file):
        assert is_locked(file)
        with pytest.raises(FleetRunsAlready, match="tensorfleet down"), fleet_locked(file):
            pytest.fail("two hold the lock")
    assert not is_locked(file)
    with fleet_locked(file):
        assert is_locked(file)
