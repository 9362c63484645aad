"""From a job's results to the body of an answer. Knows kinds by their registry only."""

import gzip
import hashlib
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import msgspec

from tensorfleet.gateway.results.csv_table import to_csv
from tensorfleet.gateway.results.parquet_table import to_parquet
from tensorfleet.gateway.results.plain_values import to_json_ready, to_plain
from tensorfleet.gateway.results.questions import MAX_BODY_BYTES, Answer, Question
from tensorfleet.kinds.registry import Kind, find_kind
from tensorfleet.kinds.task_result import TaskResult
from tensorfleet.shared.errors import InvalidInput, TooLarge
from tensorfleet.shared.rest.results import JobResults, Plot, PlotList, ResultsJob

GZIP_LEVEL = 5
GZIP_FROM_BYTES = 1024

Results = list[TaskResult]

# PNG and Parquet are compressed in themselves.
_COMPRESSIBLE = frozenset({"json", "csv", "svg", "plots"})


def work_out(
    question: Question, results: Results, baseline: Results | None
) -> tuple[Answer, bytes]:
    """The answer to a question.

    Raises:
        UnknownKind: The kind is not installed here.
        InvalidJob: The job's spec does not fit the kind as it is installed here.
        NotFound: There is no such plot.
        InvalidInput: An option is unknown or wrong.
        TooLarge: The body would be too long.
    """
    kind = find_kind(question.kind)
    if question.wanted == "plots":
        body = _plot_list(question.job_id, kind)
    elif question.wanted in ("png", "svg"):
        spec = _spec(kind, question)
        body = kind.plot(question.plot, spec, results, question.wanted, question.options)
    elif question.wanted == "json":
        body = _report(kind, question, results, baseline)
    else:
        if question.options or baseline is not None:
            names = ", ".join(sorted(question.options)) or "baseline"
            raise InvalidInput(
                f"{names}: as {question.wanted} there are only the rows, which have no options; "
                "the report is in format=json"
            )
        body = _table(kind, question, results)
    # Of the body as it was before compression, which is why it is a weak one.
    etag = f'W/"{hashlib.sha256(body).hexdigest()[:32]}"'
    is_gzip = (
        question.may_gzip and question.wanted in _COMPRESSIBLE and len(body) >= GZIP_FROM_BYTES
    )
    if is_gzip:
        body = gzip.compress(body, GZIP_LEVEL, mtime=0)
    if len(body) > MAX_BODY_BYTES:
        raise TooLarge(
            f"the answer has {len(body):,} bytes and {MAX_BODY_BYTES:,} are possible; ask with "
            "Accept-Encoding: gzip, for format=parquet, or read the results at "
            f"GET /api/v1/jobs/{question.job_id}/tasks"
        )
    return Answer(etag=etag, is_gzip=is_gzip), body


def _spec(kind: Kind, question: Question) -> Any:
    document = msgspec.json.decode(question.spec_json, type=dict[str, Any])
    return kind.parse_spec(document)


def _report(kind: Kind, question: Question, results: Results, baseline: Results | None) -> bytes:
    spec = _spec(kind, question)
    report = kind.report(spec, results, baseline, question.options)
    answer = JobResults(
        job=ResultsJob(
            id=question.job_id, kind=question.kind, name=question.name, state=question.state
        ),
        is_complete=question.is_complete,
        rows=[to_json_ready(row) for row in kind.rows(spec, results)],
        report=to_json_ready(report),
    )
    return msgspec.json.encode(answer)


def _table(kind: Kind, question: Question, results: Results) -> bytes:
    write: Callable[[list[dict[str, Any]]], bytes]
    write = to_csv if question.wanted == "csv" else to_parquet
    return write([to_plain(row) for row in kind.rows(_spec(kind, question), results)])


def _plot_list(job_id: str, kind: Kind) -> bytes:
    plots = [
        Plot(
            name=name,
            title=title,
            urls={
                file_format: f"/api/v1/jobs/{job_id}/plots/{quote(name, safe='')}.{file_format}"
                for file_format in ("png", "svg")
            },
        )
        for name, title in kind.plots.items()
    ]
    return msgspec.json.encode(PlotList(plots=plots))
