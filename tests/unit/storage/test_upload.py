"""Which contents are uploaded, and in which parts."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tensorfleet.shared.errors import InvalidArtifact
from tensorfleet.shared.manifest import ManifestFile
from tensorfleet.storage.upload import (
    MAX_BLOB_BYTES,
    MAX_PARTS_PER_BLOB,
    MAX_PARTS_PER_UPLOAD,
    MIB,
    Blob,
    check_sizes,
    choose_part_bytes,
    missing_blobs,
    split_parts,
)

PREFERRED_BYTES = 64 * MIB
MAX_S3_PART_BYTES = 5 * 1024 * MIB


def file(path: str, digit: str, size_bytes: int) -> ManifestFile:
    return ManifestFile(path=path, size_bytes=size_bytes, sha256=digit * 64)


def blobs(sizes: list[int]) -> list[Blob]:
    return [Blob(sha256=f"{n:064x}", size_bytes=size) for n, size in enumerate(sizes)]


def test_content_of_several_files_is_missing_once() -> None:
    files = [file("x", "a", 1), file("y", "b", 2), file("z", "a", 1)]
    missing = missing_blobs(files, {})
    assert [(blob.sha256[0], blob.size_bytes) for blob in missing] == [("a", 1), ("b", 2)]


def test_held_content_is_not_missing() -> None:
    files = [file("x", "a", 1), file("y", "b", 2)]
    assert [blob.sha256[0] for blob in missing_blobs(files, {"a" * 64: 1})] == ["b"]


def test_held_content_of_another_size_is_missing() -> None:
    assert missing_blobs([file("x", "a", 1)], {"a" * 64: 2})


def test_possible_sizes_are_accepted() -> None:
    check_sizes([file("x", "a", 1), file("y", "a", 1), file("z", "b", MAX_BLOB_BYTES)])


def test_one_content_of_two_sizes_is_refused() -> None:
    with pytest.raises(InvalidArtifact) as caught:
        check_sizes([file("x", "a", 1), file("y", "a", 2)])
    assert [field.field for field in caught.value.fields] == ["files['y']"]


def test_file_above_the_limit_of_s3_is_refused() -> None:
    with pytest.raises(InvalidArtifact, match="5 TiB"):
        check_sizes([file("x", "a", MAX_BLOB_BYTES + 1)])


@pytest.mark.parametrize(
    ("size_bytes", "expected"),
    [
        (0, [(1, 0, 0)]),
        (1, [(1, 0, 1)]),
        (10, [(1, 0, 10)]),
        (11, [(1, 0, 10), (2, 10, 1)]),
        (20, [(1, 0, 10), (2, 10, 10)]),
        (25, [(1, 0, 10), (2, 10, 10), (3, 20, 5)]),
    ],
)
def test_parts_cover_the_content(size_bytes: int, expected: list[tuple[int, int, int]]) -> None:
    parts = split_parts(size_bytes, 10)
    assert [(part.number, part.offset_bytes, part.size_bytes) for part in parts] == expected


def test_usual_contents_keep_the_preferred_part_size() -> None:
    assert choose_part_bytes(
        blobs([1, PREFERRED_BYTES, 100 * PREFERRED_BYTES]), PREFERRED_BYTES
    ) == (PREFERRED_BYTES)


@given(
    st.lists(
        st.one_of(st.integers(0, 10 * PREFERRED_BYTES), st.integers(0, MAX_BLOB_BYTES)),
        min_size=1,
        max_size=60,
    )
)
@example([MAX_BLOB_BYTES])
@example([MAX_BLOB_BYTES] * 9)
@example([PREFERRED_BYTES + 1] * 10_000)
def test_number_and_size_of_parts_stay_within_the_limits(sizes: list[int]) -> None:
    some = blobs(sizes)
    part_bytes = choose_part_bytes(some, PREFERRED_BYTES)
    assert PREFERRED_BYTES <= part_bytes <= MAX_S3_PART_BYTES
    counts = [len(split_parts(blob.size_bytes, part_bytes)) for blob in some]
    assert max(counts) <= MAX_PARTS_PER_BLOB
    assert sum(counts) <= MAX_PARTS_PER_UPLOAD
