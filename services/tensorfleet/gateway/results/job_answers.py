"""Finds the answer to what a client asks about a job's results."""

import asyncio
from collections.abc import AsyncIterator, Hashable, Mapping
from dataclasses import dataclass, field

from tensorfleet.gateway.convert import words
from tensorfleet.gateway.results.analyst import Analyst, TaskPages
from tensorfleet.gateway.results.answer_cache import AnswerCache, KeptAnswer
from tensorfleet.gateway.results.questions import Question, TaskRow, Wanted
from tensorfleet.gateway.results.task_pages import ByteBudget, task_pages
from tensorfleet.gateway.upstreams import Upstreams
from tensorfleet.orchestrator.v1 import job_pb2, job_service_pb2
from tensorfleet.shared.errors import FieldError, InvalidInput
from tensorfleet.shared.rest.jobs import TERMINAL_JOB_STATES


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What a client asks."""

    job_id: str
    wanted: Wanted
    plot: str = ""
    baseline_id: str = ""
    options: Mapping[str, str] = field(default_factory=dict)
    may_gzip: bool = False


@dataclass(frozen=True, kw_only=True)
class JobAnswer:
    """What it gets."""

    job_id: str
    job_name: str
    is_final: bool
    """Whether the same question will always have this answer."""
    kept: KeptAnswer


class JobAnswers:
    """Answers from the cache, else from the process for results."""

    def __init__(
        self, upstreams: Upstreams, analyst: Analyst, cache: AnswerCache, max_result_bytes: int
    ) -> None:
        """Asks nobody yet.

        Args:
            max_result_bytes: So much JSON may the results of a job have, to be put into one answer.
        """
        self._jobs = upstreams.jobs
        self._analyst = analyst
        self._cache = cache
        self._max_result_bytes = max_result_bytes

    async def find(self, wish: Wish) -> JobAnswer:
        """The answer to a wish of the present caller.

        Raises:
            JobNotFound: No such job in the caller's project; the same for the baseline.
            NotFound: No such plot.
            InvalidInput: The baseline is of another kind; an option is unknown or wrong.
            TooLarge: The job has more results than fit into one answer.
            Unavailable: Too many ask at once.
            DeadlineExceeded: It takes too long.
        """
        wanted_ids = [wish.job_id, *([wish.baseline_id] if wish.baseline_id else [])]
        job, *baselines = await asyncio.gather(*map(self._job, wanted_ids))
        for baseline in baselines:
            _check_baseline(job, baseline)
        is_final = all(map(_has_ended, (job, *baselines)))
        # Retried jobs end at another time.
        key: Hashable = (
            tuple((found.id, found.end_time.ToNanoseconds()) for found in (job, *baselines)),
            wish.wanted,
            wish.plot,
            tuple(sorted(wish.options.items())),
            wish.may_gzip,
        )
        kept = self._cache.find(key)
        if kept is None:
            kept = await self._work_out(wish, job, baselines)
            if is_final:
                self._cache.keep(key, kept)
        return JobAnswer(
            job_id=job.id, job_name=job.spec.name or job.spec.kind, is_final=is_final, kept=kept
        )

    async def _job(self, job_id: str) -> job_pb2.Job:
        answer = await self._jobs.GetJob(job_service_pb2.GetJobRequest(job_id=job_id))
        return answer.job

    async def _work_out(
        self, wish: Wish, job: job_pb2.Job, baselines: list[job_pb2.Job]
    ) -> KeptAnswer:
        question = Question(
            job_id=job.id,
            kind=job.spec.kind,
            name=job.spec.name or job.spec.kind,
            state=words.JOB_STATES[job.state],
            is_complete=_has_ended(job),
            spec_json=job.spec.spec_json or "{}",
            wanted=wish.wanted,
            plot=wish.plot,
            options=dict(wish.options),
            has_baseline=bool(baselines),
            may_gzip=wish.may_gzip,
        )
        # Which plots there are depends on no result.
        sources = [_no_tasks] if wish.wanted == "plots" else self._sources([job, *baselines])
        answer, body = await self._analyst.ask(question, *sources)
        return KeptAnswer(body=body, etag=answer.etag, is_gzip=answer.is_gzip)

    def _sources(self, jobs: list[job_pb2.Job]) -> list[TaskPages]:
        def source(job_id: str) -> TaskPages:
            return lambda: task_pages(self._jobs, job_id, ByteBudget(self._max_result_bytes))

        return [source(job.id) for job in jobs]


async def _no_tasks() -> AsyncIterator[list[TaskRow]]:
    return
    yield []


def _has_ended(job: job_pb2.Job) -> bool:
    return words.JOB_STATES[job.state] in TERMINAL_JOB_STATES


def _check_baseline(job: job_pb2.Job, baseline: job_pb2.Job) -> None:
    if baseline.spec.kind != job.spec.kind:
        message = (
            f"{baseline.id} is a {baseline.spec.kind} job; compare a {job.spec.kind} job with "
            "another one"
        )
        field = FieldError(field="baseline", message=message)
        raise InvalidInput(f"the baseline does not fit: {message}", (field,))
