"""Where the command line takes a load test's document from: a file, or a job of the fleet."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tensorfleet.shared.errors import InvalidInput

if TYPE_CHECKING:
    from tensorfleet.kinds.loadtest.record import Document


def load_document(source: str) -> "Document":
    """The document of a file or, by its id, of a job.

    Raises:
        InvalidInput: The file is no document; the job is no load test, or has no results yet.
        JobNotFound: There is no such job.
    """
    from tensorfleet.kinds.loadtest.reporting.document_file import read_document

    path = Path(source)
    if path.exists() or path.suffix or "/" in source:
        return read_document(path)
    return _of_job(source)


def load_documents(sources: Sequence[str], aliases: Sequence[str]) -> list[tuple[str, "Document"]]:
    """Several documents, each with the name that it goes by: its file's, or the given alias.

    Args:
        aliases: "NAME=ALIAS" each, where the name is a source, or its file's name without suffix.

    Raises:
        InvalidInput: An alias is not of this form, or is of none of the sources.
    """
    by_name = {}
    for text in aliases:
        name, sign, alias = text.partition("=")
        if not sign or not name or not alias.strip():
            raise InvalidInput(f"--alias {text[:80]!r}: write it as NAME=ALIAS")
        by_name[name] = alias.strip()
    found = []
    for source in sources:
        stem = Path(source).stem
        given = by_name.pop(source, None) or by_name.pop(stem, None)
        found.append((given or stem, load_document(source)))
    if by_name:
        names = ", ".join(Path(source).stem for source in sources)
        raise InvalidInput(f"--alias {next(iter(by_name))}: no such load test; there are: {names}")
    return found


def _of_job(job_id: str) -> "Document":
    from tensorfleet.cli.fleet_client import open_client
    from tensorfleet.kinds.loadtest.readings import document_of
    from tensorfleet.kinds.task_result import TaskResult

    with open_client() as client:
        job = client.job(job_id)
        if job.kind != "loadtest":
            raise InvalidInput(f"{job_id} is a {job.kind} job, and no load test")
        results = [
            TaskResult(index=task.index, state=task.state, value=task.result)
            for task in client.tasks(job_id)
        ]
    document = document_of(results)
    if document is None:
        raise InvalidInput(f"{job_id} has no results yet (it is {job.state})")
    return document
