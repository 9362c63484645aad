"""Transactions over several documents, tried again when they meet another one."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

import pymongo
from pymongo import WriteConcern
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.errors import DuplicateKeyError
from pymongo.read_concern import ReadConcern

from tensorfleet.shared.errors import Unavailable
from tensorfleet.shared.mongo import Database, mongo_errors_translated

TRANSACTION_SECONDS = 15.0
MAX_DUPLICATES = 20

Session = AsyncClientSession
Result = TypeVar("Result")


async def in_transaction(
    database: Database, work: Callable[[Session], Awaitable[Result]]
) -> Result:
    """Runs `work` in a transaction: all its writes take effect, or none.

    `work` may run several times, until no other transaction is in its way. An error that it raises
    undoes it.

    Raises:
        Unavailable: MongoDB did not take it in time.
    """
    with mongo_errors_translated(), pymongo.timeout(TRANSACTION_SECONDS):
        async with database.client.start_session() as session:
            for _ in range(MAX_DUPLICATES):
                try:
                    return await session.with_transaction(
                        work,
                        read_concern=ReadConcern("snapshot"),
                        write_concern=WriteConcern(w="majority", j=True),
                    )
                except DuplicateKeyError:
                    # Another one inserted the same new key first; now it is there to be seen.
                    continue
    raise Unavailable("too many others write the same record; try again")
