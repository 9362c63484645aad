"""Fences: what a transaction does when a later attempt comes between its steps."""

import asyncio

import pytest

from tensorfleet.shared.errors import LeaseLost
from tensorfleet.shared.ids import TaskId
from tensorfleet.shared.mongo import Database
from tensorfleet.storage.fence import FencingToken
from tensorfleet.storage.store.fences import MongoFenceStore, hold_fence
from tensorfleet.storage.store.transactions import Session, in_transaction

pytestmark = pytest.mark.asyncio(loop_scope="module")


def token(attempt: int) -> FencingToken:
    return FencingToken(task_id=TaskId("t"), attempt=attempt)


async def test_fence_only_rises(database: Database, project: str) -> None:
    fences = MongoFenceStore(database)
    for attempt in (1, 1, 3, 3):
        await fences.raise_fence(project, token(attempt))
    for attempt in (1, 2):
        with pytest.raises(LeaseLost, match="attempt 3"):
            await fences.raise_fence(project, token(attempt))


async def test_attempts_that_come_at_once_leave_the_highest(
    database: Database, project: str
) -> None:
    fences = MongoFenceStore(database)
    await asyncio.gather(
        *(fences.raise_fence(project, token(attempt)) for attempt in range(1, 21)),
        return_exceptions=True,
    )
    with pytest.raises(LeaseLost, match="attempt 20"):
        await fences.raise_fence(project, token(19))


async def test_transaction_that_began_before_a_later_attempt_came_is_void(
    database: Database, project: str
) -> None:
    fences = MongoFenceStore(database)
    await fences.raise_fence(project, token(1))
    runs = 0

    async def commit(session: Session) -> None:
        nonlocal runs
        runs += 1
        # The first look settles what the transaction sees: attempt 1 everywhere.
        await database["fences"].find_one({"project": project}, session=session)
        if runs == 1:
            await fences.raise_fence(project, token(2))
        await hold_fence(database, session, project, token(1))
        await database["checkpoints"].insert_one({"project": project}, session=session)

    with pytest.raises(LeaseLost):
        await in_transaction(database, commit)
    assert await database["checkpoints"].count_documents({"project": project}) == 0


async def test_transaction_without_a_fence_is_void(database: Database, project: str) -> None:
    async def commit(session: Session) -> None:
        await hold_fence(database, session, project, token(1))

    with pytest.raises(LeaseLost):
        await in_transaction(database, commit)
