"""Manifests: what is allowed, and that the id depends on the content alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tensorfleet.shared.errors import InvalidArtifact
from tensorfleet.shared.manifest import MAX_FILES, ManifestFile, artifact_id, check_manifest

DIGEST = "0" * 64


def file(path: str, sha256: str = DIGEST, size_bytes: int = 1) -> ManifestFile:
    return ManifestFile(path=path, size_bytes=size_bytes, sha256=sha256)


@pytest.mark.parametrize(
    "path",
    [
        *("", "/etc/passwd", "../x", "a/../b", "a//b", "./a", "a/", "a\\b", "a\0b", "a\nb"),
        *("\udc80", "x" * 1025),
    ],
)
def test_path_that_leaves_or_confuses_is_refused(path: str) -> None:
    with pytest.raises(InvalidArtifact):
        check_manifest([file(path)])


@pytest.mark.parametrize(
    "files",
    [
        [],
        [file("a"), file("a")],
        [file("a"), file("a/b")],
        [file("a", sha256="F" * 64)],
        [file("a", sha256="f" * 63)],
        [file("a", size_bytes=-1)],
        [file(f"f{n}") for n in range(MAX_FILES + 1)],
    ],
)
def test_impossible_manifest_is_refused(files: list[ManifestFile]) -> None:
    with pytest.raises(InvalidArtifact):
        check_manifest(files)


def test_ordinary_names_are_allowed() -> None:
    paths = ["a", "a-b", "b/c.txt", "b/ä ö.txt", "..c", "d..e"]
    assert [f.path for f in check_manifest(map(file, paths))] == sorted(paths)


@given(st.permutations([file("a"), file("b/c"), file("b/d", size_bytes=9)]))
def test_id_does_not_depend_on_the_order(files: list[ManifestFile]) -> None:
    assert artifact_id(files) == artifact_id(sorted(files, key=lambda f: f.path))


def test_id_depends_on_path_digest_and_size() -> None:
    changed = [file("a"), file("b"), file("a", sha256="1" * 64), file("a", size_bytes=2)]
    assert len({artifact_id([f]) for f in changed}) == 4
