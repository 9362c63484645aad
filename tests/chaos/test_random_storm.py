"""Everything at once, as the dice fall; `make chaos` lets it last."""

from pathlib import Path

import pytest

from tests.chaos.cast import Cast
from tests.chaos.monkey import Monkey
from tests.chaos.storm import SEED, STORM_SECONDS, storm

pytestmark = pytest.mark.asyncio(loop_scope="module")

RECOVERY_SECONDS = 240.0


@pytest.mark.timeout(STORM_SECONDS + RECOVERY_SECONDS)
async def test_random_storm_loses_nothing(proxied_cast: Cast, tmp_path: Path) -> None:
    async with storm(proxied_cast, tmp_path):
        await Monkey(proxied_cast, SEED).rage(STORM_SECONDS)
