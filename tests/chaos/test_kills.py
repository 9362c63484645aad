"""Members of a fleet under load are killed with SIGKILL: nothing is lost or done twice."""

from pathlib import Path

import pytest

from tests.chaos.cast import Cast
from tests.chaos.storm import storm

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.mark.parametrize("victim", ["worker-1", "orchestrator-1", "gateway-1"])
async def test_killed_member_loses_nothing(cast: Cast, tmp_path: Path, victim: str) -> None:
    async with storm(cast, tmp_path):
        await cast[victim].kill()
