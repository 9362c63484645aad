"""How often meetings read the store, and that what they tell is never old."""

import asyncio

import pytest

from tensorfleet.orchestrator.peer import Peer
from tensorfleet.orchestrator.peer_meetings import PeerMeetings
from tensorfleet.shared.errors import LeaseLost, Unavailable
from tensorfleet.shared.ids import JobId
from tests.contract.orchestrator.store_calls import created, ref, start
from tests.deadlines import eventually
from tests.fakes.orchestrator_store import FakeOrchestratorStore
from tests.unit.orchestrator.job_examples import WORKER

COUNT = 40


class SlowStore(FakeOrchestratorStore):
    """Looks at its peers at once, and tells of them when it may."""

    def __init__(self) -> None:
        super().__init__()
        self.may_tell = asyncio.Event()
        self.may_tell.set()
        self.read_count = 0
        self.write_count = 0
        self.failing_reads: set[int] = set()

    async def peers(self, job_id: JobId) -> list[Peer]:
        self.read_count += 1
        number = self.read_count
        found = await super().peers(job_id)
        await asyncio.sleep(0)  # others come meanwhile
        await self.may_tell.wait()
        if number in self.failing_reads:
            raise Unavailable("it does not answer")
        return found

    async def give_address(self, *words: object) -> None:
        self.write_count += 1
        await super().give_address(*words)  # type: ignore[arg-type]


async def gang(count: int) -> tuple[SlowStore, PeerMeetings]:
    store = SlowStore()
    await created(store, tasks=count, is_gang=True)
    await start(store, *(ref(index) for index in range(count)))
    return store, PeerMeetings(store)


async def test_many_that_ask_at_once_share_their_reads() -> None:
    store, meetings = await gang(COUNT)
    for _ in range(3):
        answers = await asyncio.gather(
            *(meetings.meet(ref(index), WORKER, f"at:{index}") for index in range(COUNT))
        )
    assert store.write_count == COUNT, "whoever has come only asks"
    assert store.read_count < COUNT / 4
    for answer in answers:
        assert [peer.address for peer in answer.peers] == [f"at:{i}" for i in range(COUNT)]


async def test_read_that_began_before_somebody_asked_is_not_told_to_him() -> None:
    store, meetings = await gang(2)
    await meetings.meet(ref(0), WORKER, "a:1")
    store.may_tell.clear()
    early = asyncio.create_task(meetings.meet(ref(0), WORKER, "a:1"))
    await eventually(lambda: store.read_count == 3)
    await store.give_address(ref(1), WORKER, "b:1")
    late = asyncio.create_task(meetings.meet(ref(1), WORKER, "b:1"))
    await asyncio.sleep(0)
    store.may_tell.set()
    assert (await early).missing_indexes == (1,)
    assert [peer.address for peer in (await late).peers] == ["a:1", "b:1"]
    assert store.write_count == 2, "what it had given itself was not overlooked"


async def test_read_that_fails_leaves_no_older_one_as_an_answer() -> None:
    store, meetings = await gang(2)
    await meetings.meet(ref(0), WORKER, "a:1")
    store.may_tell.clear()
    begun = store.read_count
    store.failing_reads = {begun + 2}
    first = asyncio.create_task(meetings.meet(ref(0), WORKER, "a:1"))
    await eventually(lambda: store.read_count == begun + 1)
    await store.give_address(ref(1), WORKER, "b:1")
    second = asyncio.create_task(meetings.meet(ref(0), WORKER, "a:1"))
    third = asyncio.create_task(meetings.meet(ref(0), WORKER, "a:1"))
    await asyncio.sleep(0)
    store.may_tell.set()
    assert (await first).missing_indexes == (1,)
    with pytest.raises(Unavailable):
        await second
    assert [peer.address for peer in (await third).peers] == ["a:1", "b:1"]


async def test_old_attempt_is_refused_though_the_new_one_has_come() -> None:
    _, meetings = await gang(1)
    await meetings.meet(ref(0), WORKER, "a:1")
    with pytest.raises(LeaseLost):
        await meetings.meet(ref(0, number=2), WORKER, "a:1")
    assert len((await meetings.meet(ref(0), WORKER, "a:1")).peers) == 1
