"""Documents as files."""

from pathlib import Path

import msgspec
import pytest

from tensorfleet.kinds.loadtest.record import VERSION, Document
from tensorfleet.kinds.loadtest.reporting.document_file import (
    decode_document,
    encode_document,
    read_document,
    write_document,
)
from tensorfleet.shared.errors import InvalidInput
from tests.unit.kinds.loadtest.documents_by_hand import document

WHOLE = document(is_full=True)


def test_document_is_read_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    write_document(path, WHOLE)
    assert read_document(path) == WHOLE
    assert list(tmp_path.iterdir()) == [path]


def test_format_and_version_are_always_in_the_file() -> None:
    plain = msgspec.json.decode(encode_document(Document(started_at="2026-01-02T03:04:05Z")))
    assert (plain["format"], plain["version"]) == ("tensorfleet-loadtest", VERSION)


def test_older_documents_with_unknown_fields_are_read() -> None:
    plain = msgspec.json.decode(encode_document(WHOLE))
    plain["weather"] = "fine"
    assert decode_document(msgspec.json.encode(plain), "a") == WHOLE


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is not JSON, or only a part"),
        (b"\xff\xfe\x00", "is not JSON"),
        (encode_document(WHOLE)[:500], "is not JSON, or only a part"),
        (b"[1]", "is not the result of a load test"),
        (b'{"format": 3}', "is not the result of a load test"),
        (b'{"format": "other", "version": 1}', "'other' and not 'tensorfleet-loadtest'"),
        (b'{"version": 1}', "is not the result of a load test"),
        (b'{"format": "tensorfleet-loadtest", "version": 99}', "newer TensorFleet .version 99"),
        (b'{"format": "tensorfleet-loadtest", "version": 1}', "damaged.*started_at"),
        (
            b'{"format": "tensorfleet-loadtest", "version": 1, "started_at": "x", "points": [3]}',
            "damaged.*points",
        ),
    ],
)
def test_what_is_no_document_is_refused(content: bytes, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        decode_document(content, "a.json")


def test_files_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"cannot read .*none\.json: No such file"):
        read_document(tmp_path / "none.json")
    with pytest.raises(InvalidInput, match="Is a directory"):
        read_document(tmp_path)
