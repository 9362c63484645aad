"""Update or insert one document, and see the result, in one atomic statement."""

from typing import Any

from pymongo import ReturnDocument
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.asynchronous.collection import AsyncCollection

from tensorfleet.shared.mongo import Document


async def upsert(
    collection: AsyncCollection[Document],
    key: Document,
    update: dict[str, Any],
    session: AsyncClientSession | None = None,
) -> Document:
    """The document with this key after the update; made when it was missing."""
    document = await collection.find_one_and_update(
        key, update, upsert=True, return_document=ReturnDocument.AFTER, session=session
    )
    if document is None:
        raise AssertionError("an upsert leaves a document")
    return document
