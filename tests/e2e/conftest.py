"""One fleet for all end-to-end tests; they use names of their own within it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fleets import FleetOnDisk, fleet_running


@pytest.fixture(scope="session")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FleetOnDisk]:
    """A whole fleet with two workers: `.home`, `.url`, `.client()`, `.cli(*arguments)`."""
    home: Path = tmp_path_factory.mktemp("fleet") / "home"
    with fleet_running(FleetOnDisk(home=home)) as running:
        yield running
