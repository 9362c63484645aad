"""The document of a load test as a file."""

import secrets
from pathlib import Path

import msgspec

from tensorfleet.kinds.loadtest.record import VERSION, Document
from tensorfleet.shared.errors import InvalidInput

FORMAT = "tensorfleet-loadtest"
MAX_FILE_BYTES = 1024 * 1024 * 1024


class _Head(msgspec.Struct, frozen=True):
    """What tells whether the rest can be read."""

    format: str = ""
    version: int = 0


def write_document(path: Path, document: Document) -> None:
    """Writes a document; the file is there as a whole or not at all.

    Raises:
        OSError: It cannot be written there.
    """
    write_whole(path, encode_document(document))


def encode_document(document: Document) -> bytes:
    """The JSON that `write_document` writes."""
    return msgspec.json.encode(document) + b"\n"


def read_document(path: Path) -> Document:
    """A document from its file.

    Raises:
        InvalidInput: There is none, or see `decode_document`.
    """
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise InvalidInput(f"{path} is larger than {MAX_FILE_BYTES:,} bytes")
        content = path.read_bytes()
    except OSError as exc:
        raise InvalidInput(f"cannot read {path}: {exc.strerror or exc}") from exc
    return decode_document(content, str(path))


def decode_document(content: bytes, name: str) -> Document:
    """A document from its JSON.

    Args:
        name: Of the file, for messages.

    Raises:
        InvalidInput: It is no JSON, of another format, or of a newer version than this one reads.
    """
    try:
        head = msgspec.json.decode(content, type=_Head)
    except msgspec.ValidationError:
        head = _Head()
    except (msgspec.DecodeError, UnicodeDecodeError) as exc:
        raise InvalidInput(
            f"{name} is not JSON, or only a part of it: {exc}; it should be what "
            "`tensorfleet loadtest run --out FILE` wrote"
        ) from exc
    if head.format != FORMAT:
        raise InvalidInput(
            f"{name} is not the result of a load test: its `format` is {head.format[:40]!r} and "
            f"not {FORMAT!r}"
        )
    if head.version > VERSION:
        raise InvalidInput(
            f"{name} was written by a newer TensorFleet (version {head.version} of the format; "
            f"this one reads up to {VERSION}): pip install --upgrade tensorfleet"
        )
    try:
        return msgspec.json.decode(content, type=Document)
    except msgspec.ValidationError as exc:
        raise InvalidInput(f"{name} is damaged: {exc}") from exc


def write_whole(path: Path, content: bytes) -> None:
    """Writes a file so that it is never there in part.

    Raises:
        OSError: It cannot be written there.
    """
    part = path.with_name(f".{path.name[:100]}.{secrets.token_hex(4)}.part")
    try:
        part.write_bytes(content)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
