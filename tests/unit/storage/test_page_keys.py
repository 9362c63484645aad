"""Page tokens of lists of versions."""

import pytest

from tensorfleet.shared.errors import InvalidPageToken
from tensorfleet.shared.paging import encode_token
from tensorfleet.storage.page_keys import token_after, version_after


def test_token_leads_back_to_its_key() -> None:
    assert version_after("l", token_after("l", "12")) == 12


def test_first_and_last_page_have_no_key() -> None:
    assert version_after("l", "") is None
    assert token_after("l", None) == ""


@pytest.mark.parametrize("key", ["", "x", "-1", "1.5", "²", str(2**63)])
def test_key_that_is_no_version_is_refused(key: str) -> None:
    with pytest.raises(InvalidPageToken):
        version_after("l", encode_token("l", key))


def test_token_of_another_list_is_refused() -> None:
    with pytest.raises(InvalidPageToken, match="another list"):
        version_after("l", token_after("m", "1"))
