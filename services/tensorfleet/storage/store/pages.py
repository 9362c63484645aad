"""Pages of lists: the queries that begin after a key, and the rows found."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from tensorfleet.shared.mongo import Document
from tensorfleet.storage.store.protocol import Page

Row = TypeVar("Row")


def names_after(project: str, after: str | None) -> Document:
    """The query for a project's records by name, from the one after `after`."""
    if after is None:
        return {"project": project}
    return {"project": project, "name": {"$gt": after}}


def versions_before(query: Document, after: int | None) -> Document:
    """The query for versions, newest first, from the one that follows version `after`."""
    return query if after is None else {**query, "version": {"$lt": after}}


def to_page(
    documents: Sequence[Document],
    limit: int,
    convert: Callable[[Document], Row],
    key_of: Callable[[Document], str],
) -> Page[Row]:
    """The page of at most `limit` rows, of up to one document more."""
    shown = documents[:limit]
    return Page(
        rows=tuple(convert(document) for document in shown),
        next_key=key_of(shown[-1]) if len(documents) > limit else None,
    )
