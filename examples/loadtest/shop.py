"""A case of one's own: logs in once, then each arrival lists the orders some times."""

from collections.abc import Mapping

from tensorfleet.kinds.loadtest.cases.case import CheckFailed, LoadCase


class Shop(LoadCase):
    """Lists the orders LOAD times, as somebody who is logged in."""

    headers: Mapping[str, str] = {}

    async def start(self) -> None:
        """Logs in."""
        answer = await self.http.request("POST", "/login")
        self.headers = {"Authorization": f"Bearer {answer.json()['token']}"}

    async def run(self, load: int) -> float | None:
        """One arrival; the target app tells no processing span of this."""
        for _ in range(load):
            answer = await self.http.request("GET", "/orders", headers=self.headers)
            if answer.status != 200:
                raise CheckFailed(f"the orders answered {answer.status}")
        return None
