"""What of a folder goes to the fleet."""

import hashlib
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tensorfleet.sdk.packing import IgnoreRules, pack
from tensorfleet.shared.errors import InvalidArtifact, TooLarge


def write(root: Path, *names: str) -> Path:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return root


def paths(root: Path) -> list[str]:
    return [item.file.path for item in pack(root)]


def test_files_have_sorted_paths_sizes_and_digests(tmp_path: Path) -> None:
    packed = pack(write(tmp_path, "b.py", "a/z.txt", "a/b/c.txt"))
    assert [item.file.path for item in packed] == ["a/b/c.txt", "a/z.txt", "b.py"]
    last = packed[-1]
    assert last.file.size_bytes == 4
    assert last.file.sha256 == hashlib.sha256(b"b.py").hexdigest()
    assert last.path.read_text() == "b.py"


def test_what_no_job_needs_stays_at_home(tmp_path: Path) -> None:
    write(tmp_path, "train.py", "x.pyc", ".git/config", "a/__pycache__/b.txt", ".venv/lib/c.py")
    write(tmp_path, "a/kept.py", "git/kept", ".tensorfleetignore")
    assert paths(tmp_path) == ["a/kept.py", "git/kept", "train.py"]


def test_ignore_file_adds_patterns(tmp_path: Path) -> None:
    write(tmp_path, "train.py", "notes.md", "a/notes.md", "data/big.bin", "a/data/kept.bin")
    write(tmp_path, "runs/1/log", "b/out.csv", "out.csv", "build")
    (tmp_path / ".tensorfleetignore").write_text(
        "# comment\n\n*.md\n/data\nruns/\nb/*.csv\nbuild/\n"
    )
    assert paths(tmp_path) == ["a/data/kept.bin", "build", "out.csv", "train.py"]


def test_ignore_file_that_takes_back_is_refused(tmp_path: Path) -> None:
    write(tmp_path, "a")
    (tmp_path / ".tensorfleetignore").write_text("*.md\n!kept.md\n")
    with pytest.raises(InvalidArtifact, match="not supported"):
        pack(tmp_path)


def test_ignore_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    write(tmp_path, "a")
    (tmp_path / ".tensorfleetignore").write_bytes(b"\xff\xfe")
    with pytest.raises(InvalidArtifact, match="UTF-8"):
        pack(tmp_path)


def test_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidArtifact, match="does not exist"):
        pack(tmp_path / "none")


def test_folder_of_which_nothing_is_left_is_refused(tmp_path: Path) -> None:
    write(tmp_path, ".git/config")
    with pytest.raises(InvalidArtifact, match="no files"):
        pack(tmp_path)


def test_too_large_folder_is_refused_before_it_is_read(tmp_path: Path) -> None:
    with (tmp_path / "big").open("wb") as file:
        file.truncate(1 << 40)  # sparse: reading it would take hours
    with pytest.raises(TooLarge, match="1,099,511,627,776 bytes"):
        pack(tmp_path, max_bytes=1 << 30)


def test_too_many_files_are_refused(tmp_path: Path) -> None:
    for n in range(10_001):
        (tmp_path / str(n)).touch()
    with pytest.raises(InvalidArtifact, match="10,001 files"):
        pack(tmp_path)


def test_link_within_the_folder_is_packed_as_a_file(tmp_path: Path) -> None:
    write(tmp_path, "a.txt")
    (tmp_path / "b.txt").symlink_to("a.txt")
    packed = pack(tmp_path)
    assert [item.file.path for item in packed] == ["a.txt", "b.txt"]
    assert packed[0].file.sha256 == packed[1].file.sha256


@pytest.mark.parametrize("target", ["/etc/passwd", "../secret"])
def test_link_that_leaves_the_folder_is_refused(tmp_path: Path, target: str) -> None:
    root = write(tmp_path / "code", "a.txt")
    write(tmp_path, "secret")
    (root / "link").symlink_to(target)
    with pytest.raises(InvalidArtifact, match="leads out"):
        pack(root)


def test_link_to_a_folder_is_refused_and_not_left_out_in_silence(tmp_path: Path) -> None:
    write(tmp_path, "real/a.txt")
    (tmp_path / "link").symlink_to("real")
    with pytest.raises(InvalidArtifact, match="link to a folder"):
        pack(tmp_path)
    (tmp_path / ".tensorfleetignore").write_text("link\n")
    assert paths(tmp_path) == ["real/a.txt"]


def test_link_to_nothing_is_refused(tmp_path: Path) -> None:
    write(tmp_path, "a.txt")
    (tmp_path / "link").symlink_to("none")
    with pytest.raises(InvalidArtifact, match="link to nothing"):
        pack(tmp_path)


def test_pipe_does_not_hang_it(tmp_path: Path) -> None:
    write(tmp_path, "a.txt")
    os.mkfifo(tmp_path / "pipe")
    assert paths(tmp_path) == ["a.txt"]


def test_name_that_is_no_utf_8_is_refused(tmp_path: Path) -> None:
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff")).touch()
    with pytest.raises(InvalidArtifact, match="broken characters"):
        pack(tmp_path)


def test_one_file_is_a_folder_of_one(tmp_path: Path) -> None:
    write(tmp_path, "data.csv")
    assert paths(tmp_path / "data.csv") == ["data.csv"]


@pytest.mark.parametrize(
    ("pattern", "path", "is_match"),
    [
        ("*.pyc", "a/b.pyc", True),
        ("*.pyc", "a/b.py", False),
        ("build", "build", True),
        ("build", "a/build/", True),
        ("build/", "build", False),
        ("build/", "build/", True),
        ("/build", "build/", True),
        ("/build", "a/build/", False),
        ("a/*.csv", "a/b.csv", True),
        ("a/*.csv", "b.csv", False),
        ("[ab].txt", "b.txt", True),
        ("A", "a", False),
    ],
)
def test_patterns(pattern: str, path: str, is_match: bool) -> None:
    assert IgnoreRules([pattern]).matches(path) is is_match


@given(st.text(alphabet="ab./*?[]!-", max_size=8), st.text(alphabet="ab.", min_size=1, max_size=6))
def test_any_pattern_is_harmless(pattern: str, name: str) -> None:
    assert IgnoreRules([pattern]).matches(name) in (True, False)
