"""Results of jobs: tables, reports and pictures."""

import re
from http import HTTPStatus
from typing import Annotated, Any, Literal

from litestar import Request, Response, get
from litestar.datastructures.headers import Accept
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath, QueryParameter, SkipValidation

from tensorfleet.gateway.problems import problem_responses
from tensorfleet.gateway.results.job_answers import JobAnswer, JobAnswers, Wish
from tensorfleet.gateway.results.questions import Wanted
from tensorfleet.shared.errors import FieldError, InvalidInput
from tensorfleet.shared.rest.results import JobResults, PlotList

TableFormat = Literal["json", "csv", "parquet"]
PictureFormat = Literal["png", "svg"]

MAX_OPTIONS = 32
MAX_OPTION_LENGTH = 1000

MEDIA_TYPES: dict[Wanted, str] = {
    "json": "application/json",
    "csv": "text/csv",
    "parquet": "application/vnd.apache.parquet",
    "png": "image/png",
    "svg": "image/svg+xml",
    "plots": "application/json",
}
_TABLES: dict[str, TableFormat] = {
    "application/json": "json",
    "text/csv": "csv",
    "application/vnd.apache.parquet": "parquet",
}

# An SVG is a document: opened by itself, it must be a mere picture, with the styles it needs.
_SVG_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; font-src data:; sandbox; "
    "frame-ancestors 'none'"
)
# Its process compresses answers; in this one, that would keep everybody waiting.
_OPT = {"uncompressed": True}

AnyRequest = Request[Any, Any, Any]
TableFormatParameter = Annotated[
    TableFormat | None,
    QueryParameter(name="format", description="json, csv or parquet; goes before `Accept`"),
]
PictureFormatParameter = Annotated[
    PictureFormat | None,
    QueryParameter(name="format", description="png or svg; else as the name's suffix says, or png"),
]
Baseline = Annotated[
    str,
    QueryParameter(
        name="baseline", description="Id of another job of this kind, to compare with in the report"
    ),
]


@get(
    "/api/v1/jobs/{job_id:str}/results",
    tags=["jobs"],
    summary="Get a job's results",
    opt=_OPT,
    responses={
        200: ResponseSpec(
            JobResults,
            generate_examples=False,
            description="As CSV (`text/csv`) or Parquet (`application/vnd.apache.parquet`): the "
            "rows only, as a file",
        ),
        **problem_responses(400, 401, 404, 413, 503, 504),
    },
)
async def get_results(
    job_id: FromPath[str],
    request: AnyRequest,
    answers: NamedDependency[SkipValidation[JobAnswers]],
    table_format: TableFormatParameter = None,
    baseline_id: Baseline = "",
) -> Response[bytes | None]:
    """The results as a table and, in JSON, a report of what they mean.

    A job that still runs gives what there is. Every further query parameter is an option of the
    report, by names of the job's kind. An answer about an ended job has an `ETag`.
    """
    wanted = table_format or _accepted_table(request)
    answer = await answers.find(
        Wish(
            job_id=job_id,
            wanted=wanted,
            baseline_id=baseline_id,
            options=_options(request, "format", "baseline"),
            may_gzip=_may_gzip(request),
        )
    )
    name = "" if wanted == "json" else _file_name(answer, wanted)
    return _response(request, answer, wanted, f'attachment; filename="{name}"' if name else "")


@get(
    "/api/v1/jobs/{job_id:str}/plots",
    tags=["jobs"],
    summary="List a job's plots",
    opt=_OPT,
    responses={
        200: ResponseSpec(PlotList, generate_examples=False, description="Those of its kind"),
        **problem_responses(400, 401, 404, 503, 504),
    },
)
async def list_plots(
    job_id: FromPath[str],
    request: AnyRequest,
    answers: NamedDependency[SkipValidation[JobAnswers]],
) -> Response[bytes | None]:
    """The pictures that can be drawn of the job's results, and where they are."""
    wish = Wish(job_id=job_id, wanted="plots", may_gzip=_may_gzip(request))
    return _response(request, await answers.find(wish), "plots")


@get(
    "/api/v1/jobs/{job_id:str}/plots/{name:str}",
    tags=["jobs"],
    summary="Draw a job's plot",
    opt=_OPT,
    responses={
        200: ResponseSpec(
            bytes,
            generate_examples=False,
            description="The picture; as SVG, `image/svg+xml`",
            media_type="image/png",
        ),
        **problem_responses(400, 401, 404, 413, 503, 504),
    },
)
async def get_plot(
    job_id: FromPath[str],
    name: FromPath[str],
    request: AnyRequest,
    answers: NamedDependency[SkipValidation[JobAnswers]],
    picture_format: PictureFormatParameter = None,
) -> Response[bytes | None]:
    """A picture of the results. The name may end with `.png` or `.svg`.

    Every further query parameter is an option, by names of the job's kind.
    """
    suffix: PictureFormat | None = None
    for known in ("png", "svg"):
        if name.endswith(f".{known}"):
            name, suffix = name.removesuffix(f".{known}"), known
    wanted: PictureFormat = picture_format or suffix or "png"
    answer = await answers.find(
        Wish(
            job_id=job_id,
            wanted=wanted,
            plot=name,
            options=_options(request, "format"),
            may_gzip=_may_gzip(request),
        )
    )
    file_name = _file_name(answer, wanted, name)
    return _response(request, answer, wanted, f'inline; filename="{file_name}"')


def _accepted_table(request: AnyRequest) -> TableFormat:
    """The format that the client likes best; JSON for those who like none of ours."""
    liked = Accept(request.headers.get("accept", "*/*")).best_match(list(_TABLES))
    return _TABLES[liked] if liked else "json"


def _options(request: AnyRequest, *others: str) -> dict[str, str]:
    """The query parameters, but for the others, which are not the kind's."""
    found: dict[str, str] = {}
    for name, text in request.query_params.multi_items():
        if name in others:
            continue
        problem = ""
        if name in found:
            problem = "is given twice"
        elif max(len(name), len(text)) > MAX_OPTION_LENGTH:
            problem = f"may have {MAX_OPTION_LENGTH:,} characters"
        elif len(found) == MAX_OPTIONS:
            problem = f"is one too many; {MAX_OPTIONS} are possible"
        if problem:
            field = FieldError(field=name[:80], message=problem)
            raise InvalidInput(f"the request is wrong: {field.field}: {problem}", (field,))
        found[name] = text
    return found


def _may_gzip(request: AnyRequest) -> bool:
    for part in request.headers.get("accept-encoding", "").split(","):
        coding, _, rest = part.strip().partition(";")
        if coding.strip().lower() == "gzip":
            return re.fullmatch(r"\s*q=0(\.0*)?\s*", rest) is None
    return False


def _file_name(answer: JobAnswer, wanted: str, plot: str = "") -> str:
    """A name that every system takes."""
    named = "-".join(part for part in (answer.job_name[:80], plot, answer.job_id) if part)
    return f"{re.sub(r'[^A-Za-z0-9._]+', '-', named).strip('-.')}.{wanted}"


def _response(
    request: AnyRequest, answer: JobAnswer, wanted: Wanted, disposition: str = ""
) -> Response[bytes | None]:
    headers = {"Vary": "Accept, Accept-Encoding"}
    if answer.is_final:
        # To be kept, but asked about each time: the caller may have lost the right to see it.
        headers |= {"ETag": answer.kept.etag, "Cache-Control": "private, no-cache"}
        if _knows(request, answer.kept.etag):
            return Response(None, status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    if answer.kept.is_gzip:
        headers["Content-Encoding"] = "gzip"
    if disposition:
        headers["Content-Disposition"] = disposition
    if wanted == "svg":
        headers["Content-Security-Policy"] = _SVG_POLICY
    return Response(answer.kept.body, media_type=MEDIA_TYPES[wanted], headers=headers)


def _knows(request: AnyRequest, etag: str) -> bool:
    """Whether the client has the answer already: RFC 9110, 13.1.2, weak comparison."""
    known = [tag.strip() for tag in request.headers.get("if-none-match", "").split(",")]
    return "*" in known or etag.removeprefix("W/") in [tag.removeprefix("W/") for tag in known]
