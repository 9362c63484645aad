"""Local files on their way into an artifact."""

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn, Protocol

from tensorfleet.shared.errors import InvalidArtifact
from tensorfleet.shared.manifest import ManifestFile, check_manifest
from tensorfleet.shared.transfer import PartToSend, digest_file


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalFile:
    """A file of a manifest, and where it is on this machine."""

    file: ManifestFile
    path: Path


def list_files(root: Path, is_wanted: Callable[[str], bool] | None = None) -> dict[str, Path]:
    """Files below a folder by their relative path with "/"; or the one file that `root` is.

    Args:
        is_wanted: Told each relative path, a folder's with a "/" at its end; false leaves it out.

    Raises:
        InvalidArtifact: It does not exist, cannot be read, or a symbolic link leads out of it.
    """
    if root.is_file():
        return {root.name: root}
    if not root.is_dir():
        raise InvalidArtifact(f"{root} does not exist or is not a file or folder")
    inside = root.resolve()
    found: dict[str, Path] = {}
    for folder, folder_names, file_names in os.walk(root, onerror=_refuse):
        here = Path(folder)
        prefix = here.relative_to(root).as_posix() + "/" if here != root else ""
        folder_names[:] = sorted(
            name for name in folder_names if is_wanted is None or is_wanted(f"{prefix}{name}/")
        )
        for name in sorted(file_names):
            path = here / name
            relative = prefix + name
            if is_wanted is not None and not is_wanted(relative):
                continue
            if not path.resolve().is_relative_to(inside):
                raise InvalidArtifact(f"{relative} is a link that leads out of {root}")
            if path.is_file():
                found[relative] = path
    return found


def _refuse(exc: OSError) -> NoReturn:
    """A folder that cannot be read must not be left out in silence."""
    raise InvalidArtifact(f"cannot read {exc.filename}: {exc.strerror}") from exc


def describe(root: Path, is_wanted: Callable[[str], bool] | None = None) -> list[LocalFile]:
    """Files with their lengths and digests, sorted by path; reads all of them.

    Raises:
        InvalidArtifact: There are none, or their names are not allowed.
    """
    described = []
    for relative, path in sorted(list_files(root, is_wanted).items()):
        sha256, size_bytes = digest_file(path)
        file = ManifestFile(path=relative, size_bytes=size_bytes, sha256=sha256)
        described.append(LocalFile(file=file, path=path))
    check_manifest(item.file for item in described)
    return described


class WantedPart(Protocol):
    """A range of a content and the signed URL that takes it, in the contract or in REST."""

    @property
    def number(self) -> int: ...
    @property
    def offset_bytes(self) -> int: ...
    @property
    def size_bytes(self) -> int: ...
    @property
    def url(self) -> str: ...


class WantedBlob(Protocol):
    """A content that storage lacks, in the contract or in REST."""

    @property
    def sha256(self) -> str: ...
    @property
    def parts(self) -> Iterable[WantedPart]: ...


def parts_to_send(files: Iterable[LocalFile], blobs: Iterable[WantedBlob]) -> list[PartToSend]:
    """What to PUT where: the contents that storage lacks, from the files that have them."""
    path_by_digest = {item.file.sha256: item.path for item in files}
    return [
        PartToSend(
            path=path_by_digest[blob.sha256],
            sha256=blob.sha256,
            number=part.number,
            offset_bytes=part.offset_bytes,
            size_bytes=part.size_bytes,
            url=part.url,
        )
        for blob in blobs
        for part in blob.parts
    ]
