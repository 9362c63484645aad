"""What an artifact is: a manifest of files, and its id."""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass

from tensorfleet.shared.errors import FieldError, InvalidArtifact
from tensorfleet.shared.ids import ArtifactId

MAX_FILES = 10_000
MAX_PATH_BYTES = 1024

_SHA256_PATTERN = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ManifestFile:
    """A file within an artifact: relative path with "/", length, SHA-256 in lower-case hex."""

    path: str
    size_bytes: int
    sha256: str


def path_problem(path: str) -> str | None:
    """Why a path may not stand in a manifest, or None when it may."""
    if not path or len(path.encode("utf-8", "surrogatepass")) > MAX_PATH_BYTES:
        return f"must have 1 to {MAX_PATH_BYTES} bytes"
    if any(part in ("", ".", "..") for part in path.split("/")):
        return 'must be relative, without empty, "." or ".." parts'
    if "\\" in path or any(ord(c) < 32 or ord(c) == 127 or 0xD800 <= ord(c) < 0xE000 for c in path):
        return "must not have backslashes, control characters or broken characters"
    return None


def check_manifest(files: Iterable[ManifestFile]) -> tuple[ManifestFile, ...]:
    """The files, sorted by path.

    Raises:
        InvalidArtifact: No files, too many, the same path twice, a path that leaves the folder or
            is both a file and a folder, a malformed digest, a negative size.
    """
    ordered = tuple(sorted(files, key=lambda f: f.path))
    problems: list[FieldError] = []
    if not ordered:
        problems.append(FieldError(field="files", message="must not be empty"))
    if len(ordered) > MAX_FILES:
        problems.append(
            FieldError(field="files", message=f"has {len(ordered)} files, at most {MAX_FILES}")
        )
    seen: set[str] = set()
    for file in ordered[:MAX_FILES]:
        where = f"files[{file.path!r}]"
        if problem := path_problem(file.path):
            problems.append(FieldError(field=where, message=f"path {problem}"))
        if file.path in seen:
            problems.append(FieldError(field=where, message="stands twice"))
        parents = file.path.split("/")[:-1]
        if any("/".join(parents[: n + 1]) in seen for n in range(len(parents))):
            problems.append(FieldError(field=where, message="lies below another file"))
        if not _SHA256_PATTERN.fullmatch(file.sha256):
            problems.append(FieldError(field=where, message="sha256 must be 64 hex digits"))
        if file.size_bytes < 0:
            problems.append(FieldError(field=where, message="size_bytes must not be negative"))
        seen.add(file.path)
    if problems:
        listed = "; ".join(f"{p.field} {p.message}" for p in problems[:5])
        raise InvalidArtifact(f"the list of files is not acceptable: {listed}", tuple(problems))
    return ordered


def artifact_id(files: Iterable[ManifestFile]) -> ArtifactId:
    """SHA-256 over the sorted lines "<sha256> <size_bytes> <path>\\n", in hexadecimal."""
    digest = hashlib.sha256()
    for file in sorted(files, key=lambda f: f.path):
        digest.update(f"{file.sha256} {file.size_bytes} {file.path}\n".encode())
    return ArtifactId(digest.hexdigest())


def total_size_bytes(files: Iterable[ManifestFile]) -> int:
    """Sum of the files' lengths."""
    return sum(file.size_bytes for file in files)
