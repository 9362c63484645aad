"""Files for the owner only."""

import stat
from pathlib import Path

from tensorfleet.local.secret_file import read_or_generate_secret, write_secret


def test_secret_is_replaced_whole_and_for_the_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "secret"
    write_secret(path, "first")
    path.chmod(0o644)
    write_secret(path, "second")
    assert path.read_text() == "second"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert list(path.parent.iterdir()) == [path]


def test_generated_secret_stays_the_same(tmp_path: Path) -> None:
    secret = read_or_generate_secret(tmp_path / "secret")
    assert len(secret) == 43
    assert read_or_generate_secret(tmp_path / "secret") == secret
    assert read_or_generate_secret(tmp_path / "other") != secret
