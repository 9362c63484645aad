"""What a client does with the things that users define once and name in their jobs."""

import secrets
from collections.abc import Iterator, Mapping
from typing import Any

from tensorfleet.sdk.api_path import api_path
from tensorfleet.sdk.connection import Connection

PAGE_SIZE = 200


class DefinitionCalls:
    """Definitions of any kind of job, as plain values. A part of `Client`."""

    _connection: Connection

    def define(
        self, collection: str, document: Mapping[str, Any], *, idempotency_key: str | None = None
    ) -> dict[str, Any]:
        """Keeps a definition for the project: from now on, its jobs may name it.

        Args:
            collection: What the kind of job calls them: "algorithms".
            document: In the shape that the kind has for them, with a `name`.
            idempotency_key: The same key with the same document gives the first answer again. By
                default each call has its own, so that its own retries do no harm.

        Raises:
            InvalidInput: `fields` names everything that is wrong.
            NameTaken: The project, or the kind itself, has one of this name.
            NotFound: The fleet has no such collection.
        """
        key = idempotency_key if idempotency_key is not None else secrets.token_hex(16)
        return self._connection.request(
            "POST",
            api_path(collection),
            dict[str, Any],
            body=document,
            headers={"Idempotency-Key": key},
        )

    def definitions(
        self, collection: str, *, builtin: bool | None = None
    ) -> Iterator[dict[str, Any]]:
        """Built-in definitions by name, then the project's by name.

        Args:
            builtin: Only the built-in ones, or only the project's; None means both.

        Raises:
            NotFound: The fleet has no such collection.
        """
        token = ""
        while True:
            query = {"builtin": builtin, "page_size": PAGE_SIZE, "page_token": token}
            page = self._connection.request(
                "GET", api_path(collection), dict[str, Any], query=query
            )
            yield from page[collection]
            token = page["next_page_token"]
            if not token:
                return

    def definition(self, collection: str, name: str) -> dict[str, Any]:
        """One definition, built in or the project's.

        Raises:
            DefinitionNotFound: There is none of this name.
        """
        return self._connection.request("GET", api_path(collection, name), dict[str, Any])

    def delete_definition(self, collection: str, name: str) -> None:
        """Frees a definition's name. Jobs that exist already keep what they were given.

        Raises:
            DefinitionNotFound: There is none of this name.
            Conflict: It is built in.
        """
        self._connection.request("DELETE", api_path(collection, name), type(None))
