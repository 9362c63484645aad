"""Paging, names, addresses, ids and request ids."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tensorfleet.shared import caller, ids, paging
from tensorfleet.shared.addresses import split_address
from tensorfleet.shared.errors import InvalidInput, InvalidName, InvalidPageToken
from tensorfleet.shared.names import check_name


@given(st.text(max_size=50))
def test_page_token_gives_its_key_back(key: str) -> None:
    assert paging.decode_token("jobs", paging.encode_token("jobs", key)) == key


@pytest.mark.parametrize("token", ["%%%", "bm9uc2Vuc2U", paging.encode_token("models", "x"), "é"])
def test_token_of_another_list_or_none_is_refused(token: str) -> None:
    with pytest.raises(InvalidPageToken):
        paging.decode_token("jobs", token)


def test_page_size_stays_within_bounds() -> None:
    assert [paging.clamp_page_size(n) for n in (-1, 0, 7, 10**9)] == [50, 50, 7, 500]


@pytest.mark.parametrize("name", ["", ".", "-a", "a b", "a/b", "ä", "x" * 129, "a\n"])
def test_name_with_other_characters_is_refused(name: str) -> None:
    with pytest.raises(InvalidName):
        check_name(name, "model")


@pytest.mark.parametrize("address", ["", "host", ":1", "host:", "host:x", "host:65536", "h:²"])
def test_address_without_host_or_port_is_refused(address: str) -> None:
    with pytest.raises(InvalidInput):
        split_address(address)


def test_addresses_are_split() -> None:
    assert split_address("127.0.0.1:0") == ("127.0.0.1", 0)
    assert split_address("[::1]:7100") == ("::1", 7100)


def test_job_ids_are_unique_and_sort_by_time(monkeypatch: pytest.MonkeyPatch) -> None:
    made = []
    for millisecond in range(100):
        monkeypatch.setattr("time.time_ns", lambda m=millisecond: (10**12 + m) * 10**6)
        made.append(ids.new_job_id())
    assert made == sorted(made)
    assert len(set(made)) == 100


@pytest.mark.parametrize("given_id", [None, "", "a b", "x" * 65, "a\r\nb"])
def test_harmful_request_id_is_replaced(given_id: str | None) -> None:
    assert caller.accept_request_id(given_id) != given_id


def test_caller_travels_in_metadata() -> None:
    token = caller.current_caller.set(caller.Caller(user="ann", project="p"))
    try:
        who, _ = caller.from_metadata(caller.to_metadata())
    finally:
        caller.current_caller.reset(token)
    assert who == caller.Caller(user="ann", project="p")
