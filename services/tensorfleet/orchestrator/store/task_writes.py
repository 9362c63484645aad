"""The statements that bring tasks' documents from one state to the next. Pure."""

from collections.abc import Iterable
from typing import Any

from pymongo import UpdateMany, UpdateOne

from tensorfleet.orchestrator.store.documents import task_update
from tensorfleet.orchestrator.task import Task
from tensorfleet.shared.mongo import Document

TaskWrite = UpdateOne | UpdateMany


def task_writes(changes: Iterable[tuple[Task, Task]]) -> list[TaskWrite]:
    """Statements for tasks before and after: those that change alike share one.

    Each names the state and attempt that it expects, though the transaction isolates already.
    """
    alike: dict[Any, tuple[Task, Task, list[str]]] = {}
    for before, after in changes:
        key = (
            before.state,
            len(before.attempts),
            after.state,
            after.attempts,
            after.ready_time,
            after.result_json,
            after.reported_through,
            after.retry_base,
        )
        group = alike.get(key)
        if group is None:
            alike[key] = (before, after, [after.id])
        else:
            group[2].append(after.id)
    writes: list[TaskWrite] = []
    for before, after, ids in alike.values():
        expected: Document = {"state": before.state.value, "attempt": len(before.attempts)}
        update = {"$set": task_update(after)}
        if len(ids) == 1:
            writes.append(UpdateOne({"_id": ids[0], **expected}, update))
        else:
            writes.append(UpdateMany({"_id": {"$in": ids}, **expected}, update))
    return writes
