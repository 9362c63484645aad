"""Opaque page tokens: where the next page of a list begins."""

import base64
import binascii

from tensorfleet.shared.errors import InvalidPageToken

DEFAULT_PAGE_SIZE = 50
MAX_PAGE_SIZE = 500


def encode_token(list_name: str, last_key: str) -> str:
    """A token for the page after `last_key`, good for this list only."""
    return base64.urlsafe_b64encode(f"{list_name}\n{last_key}".encode()).decode().rstrip("=")


def decode_token(list_name: str, token: str) -> str | None:
    """The key after which the page begins; None for the first page.

    Raises:
        InvalidPageToken: It was not made by `encode_token` for this list.
    """
    if not token:
        return None
    try:
        text = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)).decode()
    except (binascii.Error, ValueError) as exc:
        raise InvalidPageToken("page_token is not one of this fleet's; start at page one") from exc
    name, separator, key = text.partition("\n")
    if not separator or name != list_name:
        raise InvalidPageToken("page_token belongs to another list; start at page one")
    return key


def clamp_page_size(
    asked: int, *, default: int = DEFAULT_PAGE_SIZE, most: int = MAX_PAGE_SIZE
) -> int:
    """How many rows a page has: the default for zero or less, never above the most."""
    return min(asked, most) if asked > 0 else default
