"""A job on its way to the fleet: read, checked as far as this machine can, its code packed."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tensorfleet.sdk.packing import MAX_CODE_BYTES, pack
from tensorfleet.shared.errors import FieldError, InvalidArtifact, InvalidJob
from tensorfleet.shared.local_files import LocalFile
from tensorfleet.shared.rest.job_files import check_job, read_job_file
from tensorfleet.shared.rest.jobs import CreateJob

_ARTIFACT_ID = re.compile(r"[0-9a-f]{64}")


def prepare_job(job: Mapping[str, Any] | str | Path) -> tuple[CreateJob, list[LocalFile] | None]:
    """A job, and the files of its code folder; None when it names an artifact, or no code.

    Args:
        job: A job, or the path of a YAML file with one. A relative `code` folder is below the
            file's folder, or below the working directory.

    Raises:
        InvalidJob: `fields` names everything that is wrong.
        UnknownKind: No such kind of job.
        TooLarge: The code folder is too large.
    """
    if isinstance(job, Mapping):
        asked, base = check_job(dict(job)), Path()
    else:
        asked, base = read_job_file(Path(job)), Path(job).parent
    code = pack_code(asked.code, base)
    _check_kind(asked, code)
    return asked, code


def pack_code(code: str, base: Path) -> list[LocalFile] | None:
    """The files of a code folder below `base`; None for no code, or the id of an artifact.

    Raises:
        InvalidJob: There is no such folder, or it cannot be packed.
        TooLarge: It is too large.
    """
    folder = base / _expand(code)
    if not code or (_ARTIFACT_ID.fullmatch(code) and not _is_folder(folder)):
        return None
    if not _is_folder(folder):
        message = f"{folder} is not a folder; name the one that holds the code"
        raise InvalidJob(f"code: {message}", (FieldError(field="code", message=message),))
    try:
        return pack(folder, max_bytes=MAX_CODE_BYTES)
    except InvalidArtifact as exc:
        problem = FieldError(field="code", message=str(exc))
        raise InvalidJob(f"code: {exc}", (problem, *exc.fields)) from exc


def _expand(code: str) -> Path:
    try:
        return Path(code).expanduser()
    except RuntimeError:  # "~somebody" who is not known here
        return Path(code)


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:  # for instance, the name is too long
        return False


def _check_kind(asked: CreateJob, code: list[LocalFile] | None) -> None:
    """What the kind's room says of its spec and of the code."""
    from tensorfleet.kinds.registry import find_kind  # here, as importing the SDK must stay quick

    kind = find_kind(asked.kind)
    spec = kind.parse_spec(asked.spec)
    if code is not None:
        kind.check_code(spec, frozenset(item.file.path for item in code))
    elif not asked.code and kind.needs_code(spec):
        message = "is missing; name the folder that holds the code"
        raise InvalidJob(f"code {message}", (FieldError(field="code", message=message),))
