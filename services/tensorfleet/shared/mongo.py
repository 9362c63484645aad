"""MongoDB connections: durable writes, aware datetimes, driver errors as TensorFleet's."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from bson.codec_options import CodecOptions
from pymongo import AsyncMongoClient, WriteConcern
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import DuplicateKeyError, PyMongoError
from pymongo.read_concern import ReadConcern

from tensorfleet.shared.errors import Unavailable
from tensorfleet.shared.settings import MongoSettings

Document = dict[str, Any]
Database = AsyncDatabase[Document]

SERVER_SELECTION_MS = 5_000
OPERATION_MS = 15_000


@asynccontextmanager
async def mongo_connected(settings: MongoSettings) -> AsyncIterator[Database]:
    """The database, over a client that lives as long as the block.

    Writes are acknowledged by a majority, with journal; reads see only what a majority has.
    """
    client: AsyncMongoClient[Document] = AsyncMongoClient(
        settings.mongo_url,
        appname="tensorfleet",
        serverSelectionTimeoutMS=SERVER_SELECTION_MS,
        timeoutMS=OPERATION_MS,
        maxPoolSize=50,
        tz_aware=True,
    )
    try:
        yield client.get_database(
            settings.mongo_database,
            codec_options=CodecOptions(tz_aware=True),
            write_concern=WriteConcern(w="majority", j=True),
            read_concern=ReadConcern("majority"),
        )
    finally:
        await client.close()


async def ping(database: Database) -> None:
    """Returns when MongoDB answers.

    Raises:
        Unavailable: It does not.
    """
    with mongo_errors_translated():
        await database.command("ping")


@contextmanager
def mongo_errors_translated() -> Iterator[None]:
    """Driver errors inside the block come out as `Unavailable`; duplicate keys pass as they are."""
    try:
        yield
    except DuplicateKeyError:
        raise
    except PyMongoError as exc:
        raise Unavailable(
            f"MongoDB did not take the request ({type(exc).__name__}); try again"
        ) from exc
