"""Page tokens of the storage service's lists: which list, and the key of its last row."""

from tensorfleet.shared.errors import InvalidPageToken
from tensorfleet.shared.paging import decode_token, encode_token

_MAX_VERSION = 2**63 - 1


def version_after(list_name: str, token: str) -> int | None:
    """The version after which a page of versions begins; None for the first page.

    Raises:
        InvalidPageToken: It is not a token of this list.
    """
    key = decode_token(list_name, token)
    if key is None:
        return None
    if not key.isascii() or not key.isdigit() or int(key) > _MAX_VERSION:
        raise InvalidPageToken("page_token is not one of this fleet's; start at page one")
    return int(key)


def token_after(list_name: str, next_key: str | None) -> str:
    """The token of the next page; empty when there is none."""
    return "" if next_key is None else encode_token(list_name, next_key)
