"""Fences in MongoDB: `{project, task_id, attempt, commit_count}`."""

from tensorfleet.shared.mongo import Database, mongo_errors_translated
from tensorfleet.storage.fence import FencingToken, lease_lost
from tensorfleet.storage.store.indexes import FENCES
from tensorfleet.storage.store.transactions import Session
from tensorfleet.storage.store.upsert import upsert


class MongoFenceStore:
    """See protocol.FenceStore."""

    def __init__(self, database: Database) -> None:
        self._fences = database[FENCES]

    async def raise_fence(self, project: str, token: FencingToken) -> None:
        """See FenceStore."""
        with mongo_errors_translated():
            fence = await upsert(
                self._fences,
                {"project": project, "task_id": token.task_id},
                {"$max": {"attempt": token.attempt}},
            )
        if fence["attempt"] != token.attempt:
            raise lease_lost(token, fence["attempt"])


async def hold_fence(
    database: Database, session: Session, project: str, token: FencingToken
) -> None:
    """Makes the transaction succeed only if the task's fence stays at this attempt until its end.

    Raises:
        LeaseLost: It stands elsewhere.
    """
    # The count is written so that MongoDB sees the conflict with an attempt that raises the fence
    # at the same moment; a mere look would not.
    held = await database[FENCES].update_one(
        {"project": project, "task_id": token.task_id, "attempt": token.attempt},
        {"$inc": {"commit_count": 1}},
        session=session,
    )
    if held.matched_count == 0:
        raise lease_lost(token, None)
