"""What a folder takes on disk."""

from pathlib import Path

from tensorfleet.worker.disk_use import used_bytes


def test_files_at_any_depth_count_and_what_links_point_to_does_not(tmp_path: Path) -> None:
    elsewhere, folder = tmp_path / "elsewhere", tmp_path / "folder"
    for at in (elsewhere, folder / "a/b"):
        at.mkdir(parents=True)
        (at / "file").write_bytes(b"x" * 1024**2)
    (folder / "link").symlink_to(elsewhere)
    assert 1024**2 <= used_bytes(folder) < 1.5 * 1024**2


def test_hole_in_a_file_takes_nothing_and_a_missing_folder_neither(tmp_path: Path) -> None:
    with (tmp_path / "sparse").open("wb") as file:
        file.truncate(1024**3)
    assert used_bytes(tmp_path) < 1024**2
    assert used_bytes(tmp_path / "missing") == 0
