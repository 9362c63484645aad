"""Which files of a folder go to the fleet."""

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from tensorfleet.shared.errors import InvalidArtifact, TooLarge
from tensorfleet.shared.local_files import LocalFile, list_files
from tensorfleet.shared.manifest import MAX_FILES, ManifestFile, check_manifest
from tensorfleet.shared.transfer import digest_file

IGNORE_FILE = ".tensorfleetignore"
ALWAYS_IGNORED = (".git/", "__pycache__/", ".venv/", "*.pyc", IGNORE_FILE)

MAX_CODE_BYTES = 1024 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class IgnoreRules:
    """Patterns of what stays at home, as `fnmatch` has them (`*` also matches "/").

    One with a "/" at its end matches folders only. One with a "/" elsewhere matches the whole path
    from the folder's root; any other matches a name at any depth.
    """

    patterns: Sequence[str]

    def matches(self, relative: str) -> bool:
        """Whether a path stays at home; a folder's has a "/" at its end."""
        is_folder = relative.endswith("/")
        path = relative.rstrip("/")
        name = path.rpartition("/")[2]
        for pattern in self.patterns:
            if pattern.endswith("/") and not is_folder:
                continue
            bare = pattern.strip("/")
            subject = path if "/" in pattern.rstrip("/") else name
            if fnmatchcase(subject, bare):
                return True
        return False


def read_ignore_rules(folder: Path) -> IgnoreRules:
    """The rules of a folder: what is always left out, and the lines of its .tensorfleetignore.

    Empty lines and those that begin with "#" mean nothing.

    Raises:
        InvalidArtifact: The file is not UTF-8 text, or takes something back with "!".
    """
    path = folder / IGNORE_FILE
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (FileNotFoundError, NotADirectoryError):
        lines = []
    except UnicodeDecodeError as exc:
        raise InvalidArtifact(f"{path} is not UTF-8 text") from exc
    patterns = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
    for pattern in patterns:
        if pattern.startswith("!"):
            raise InvalidArtifact(f"{path}: {pattern!r} begins with '!', which is not supported")
    return IgnoreRules((*ALWAYS_IGNORED, *patterns))


def pack(root: Path, *, max_bytes: int | None = None) -> list[LocalFile]:
    """The files of a folder that go to the fleet, with their digests, sorted by path.

    Args:
        root: A folder, or one file.
        max_bytes: Most that they may have together; None means no limit.

    Raises:
        InvalidArtifact: It does not exist, nothing is left of it, it has too many files or names
            that are not allowed, or a symbolic link that leads out of it, to a folder or nowhere.
        TooLarge: It has more than `max_bytes`.
    """
    rules = read_ignore_rules(root)

    def is_wanted(relative: str) -> bool:
        if rules.matches(relative):
            return False
        path = root / relative.rstrip("/")
        if path.is_symlink() and (relative.endswith("/") or not path.exists()):
            what = "link to a folder" if relative.endswith("/") else "link to nothing"
            raise InvalidArtifact(
                f"{relative} in {root} is a {what}; put a copy there, or name it in {IGNORE_FILE}"
            )
        return True

    found = list_files(root, is_wanted)
    if not found:
        raise InvalidArtifact(f"{root} has no files that could be packed")
    if len(found) > MAX_FILES:
        raise InvalidArtifact(
            f"{root} has {len(found):,} files, at most {MAX_FILES:,} are possible; name what is "
            f"not needed in {IGNORE_FILE}"
        )
    size_bytes = sum(path.stat().st_size for path in found.values())
    if max_bytes is not None and size_bytes > max_bytes:
        raise TooLarge(
            f"{root} has {size_bytes:,} bytes, at most {max_bytes:,} are possible; put data into a "
            f"dataset, or name it in {IGNORE_FILE}"
        )
    packed = [_describe(relative, path) for relative, path in sorted(found.items())]
    check_manifest(item.file for item in packed)
    return packed


def _describe(relative: str, path: Path) -> LocalFile:
    try:
        sha256, size_bytes = digest_file(path)
    except OSError as exc:
        raise InvalidArtifact(f"cannot read {path}: {exc.strerror or exc}") from exc
    return LocalFile(
        file=ManifestFile(path=relative, size_bytes=size_bytes, sha256=sha256), path=path
    )
