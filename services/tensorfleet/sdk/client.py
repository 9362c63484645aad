"""A fleet's jobs, data and models from Python."""

import math
import secrets
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from msgspec.structs import replace

from tensorfleet.sdk.algorithm_calls import AlgorithmCalls
from tensorfleet.sdk.api_path import api_path
from tensorfleet.sdk.call_results import CallResults
from tensorfleet.sdk.connection import Connection
from tensorfleet.sdk.credentials import Credentials, find_credentials
from tensorfleet.sdk.event_reader import EventReader
from tensorfleet.sdk.job_results import JobResultsReader
from tensorfleet.sdk.packing import pack
from tensorfleet.sdk.submission import prepare_job
from tensorfleet.sdk.uploads import upload_files
from tensorfleet.sdk.worker_calls import WorkerCalls
from tensorfleet.shared.errors import InvalidInput
from tensorfleet.shared.rest.auth import AccessToken
from tensorfleet.shared.rest.datasets import (
    CreateDatasetVersion,
    Dataset,
    DatasetDetail,
    DatasetPage,
    DatasetVersion,
)
from tensorfleet.shared.rest.events import Event
from tensorfleet.shared.rest.health import FleetHealth
from tensorfleet.shared.rest.job_changes import Explanation
from tensorfleet.shared.rest.jobs import (
    CancelJob,
    Checkpoint,
    CheckpointPage,
    Job,
    JobPage,
    JobState,
    Priority,
    Task,
    TaskPage,
    TaskState,
)
from tensorfleet.shared.rest.models import (
    Model,
    ModelPage,
    ModelVersion,
    ModelVersionPage,
    Prediction,
)
from tensorfleet.shared.rest.numbers import to_json_number
from tensorfleet.shared.rest.uploads import ArtifactDownload
from tensorfleet.shared.transfer import OnBytes

PREDICT_TIMEOUT_SECONDS = 70.0
PAGE_SIZE = 200


class Client(AlgorithmCalls, JobResultsReader, WorkerCalls):
    """Talks to a fleet's gateway.

    ```python
    with Client() as fleet:
        job = fleet.submit("job.yaml")
        for event in fleet.events(job.id):
            print(event)
    ```

    Logs in by itself at the first request, and again when the token has expired. Safe to use from
    several threads. What the gateway refuses is raised as the class of `tensorfleet.shared.errors`
    that fits; a gateway that does not answer, after a few tries, as `Unavailable`.
    """

    def __init__(
        self, url: str = "", *, token: str = "", username: str = "", password: str = ""
    ) -> None:
        """Finds the fleet; sends nothing yet.

        Args:
            url: The gateway's; several ones of the same fleet are separated by commas, and when one
                does not answer, the next is asked. Empty: the fleet of TENSORFLEET_URL with
                TENSORFLEET_TOKEN, or with TENSORFLEET_USERNAME and TENSORFLEET_PASSWORD; else the
                one that runs on this machine (credentials.json in TENSORFLEET_HOME, which is
                ~/.tensorfleet by default).
            token: An access token, to be given with a URL.
            username: Given with a URL and a password, instead of a token.

        Raises:
            Unauthenticated: No fleet is known here, or there are no credentials for it.
            InvalidInput: The URL is not one, or is missing beside a token or a user.
        """
        if not url and (token or username or password):
            raise InvalidInput("a token or a user belongs to a fleet; give its url, too")
        given = Credentials(url=url, token=token, username=username, password=password)
        self._connection = Connection(given if url else find_credentials())

    def __enter__(self) -> Self:
        """The client itself; it is closed at the end of the block."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Closes its connections."""
        self._connection.close()

    @property
    def url(self) -> str:
        """The gateway's that is asked at present."""
        return self._connection.url

    def login(self) -> AccessToken:
        """Logs in now, to see whether the credentials are good, or to get a token to hand on.

        Raises:
            Unauthenticated: They are wrong.
        """
        return self._connection.log_in()

    # Jobs

    def submit(
        self,
        job: Mapping[str, Any] | str | Path,
        *,
        idempotency_key: str | None = None,
        on_bytes: OnBytes | None = None,
    ) -> Job:
        """Hands in a job; when this returns, it is durable and queued.

        The job is checked before anything is sent. Its `code` folder is packed and uploaded, but
        for what the fleet has already; .git, .venv, __pycache__, *.pyc and what the folder's
        .tensorfleetignore names stay at home.

        Args:
            job: A job, or the path of a YAML file with one. Its `code` is a folder (relative to the
                file, or to the working directory), or the id of an artifact.
            idempotency_key: The same key with the same job gives the first job again. By default
                each call has its own, so that its own retries make one job only.
            on_bytes: Called from several threads with the number of bytes that were uploaded.

        Raises:
            InvalidJob: `fields` names everything that is wrong.
            UnknownKind: No such kind of job.
            TooLarge: The code folder is too large.
            IdempotencyConflict: The key came before with another job.
        """
        asked, code = prepare_job(job)
        if code is not None:
            asked = replace(asked, code=upload_files(self._connection, code, on_bytes).id)
        key = idempotency_key if idempotency_key is not None else secrets.token_hex(16)
        return self._connection.request(
            "POST", "/api/v1/jobs", Job, body=asked, headers={"Idempotency-Key": key}
        )

    def call(
        self,
        function: str,
        calls: Iterable[Sequence[Any] | Mapping[str, Any]] | int,
        *,
        code: str | Path = "",
        **fields: Any,
    ) -> CallResults:
        """Has the fleet call a function many times; what is returned gives the results in order.

        ```python
        for area in fleet.call("shapes:area", [[1, 2], [3, 4]], code="."):
            print(area)
        ```

        Args:
            function: "module:function", in the code folder or installed on the workers.
            calls: The arguments of each call: a list, or a mapping with `args` and `kwargs`; they
                and the results are JSON. A number means that many calls; a function with a
                parameter `index` gets the call's number.
            code: The folder with the function's code; empty means none.
            fields: What else a job may have: name, priority, resources, timeout_seconds,
                max_attempts, labels; and of its spec preload and environment.

        Raises:
            InvalidJob: `fields` names everything that is wrong.
        """
        from tensorfleet.kinds.call.job import call_job  # here, as importing this must stay quick

        given = calls if isinstance(calls, int) else list(calls)
        return CallResults(self, self.submit(call_job(function, given, code=str(code), **fields)))

    def job(self, job_id: str) -> Job:
        """One job.

        Raises:
            JobNotFound: No such job.
        """
        return self._connection.request("GET", api_path("jobs", job_id), Job)

    def jobs(
        self, *, state: JobState | None = None, kind: str = "", limit: int | None = None
    ) -> Iterator[Job]:
        """Jobs, newest first, fetched page by page while they are read.

        Args:
            state: Only jobs in this state.
            kind: Only jobs of this kind.
            limit: At most this many.
        """
        query = {"state": state, "kind": kind}
        for page in self._pages(api_path("jobs"), JobPage, query, limit):
            yield from page.jobs

    def cancel(self, job_id: str, *, reason: str = "") -> Job:
        """Asks a job's tasks to stop; one that has ended stays as it is.

        Raises:
            JobNotFound: No such job.
        """
        return self._connection.request(
            "POST", api_path("jobs", job_id, "cancel"), Job, body=CancelJob(reason=reason)
        )

    def pause(self, job_id: str) -> Job:
        """Starts no further task of a job; those that run go on.

        Raises:
            JobNotFound: No such job.
            JobEnded: It has ended.
        """
        return self._connection.request("POST", api_path("jobs", job_id, "pause"), Job)

    def resume(self, job_id: str) -> Job:
        """Undoes a pause.

        Raises:
            JobNotFound: No such job.
            JobEnded: It has ended.
        """
        return self._connection.request("POST", api_path("jobs", job_id, "resume"), Job)

    def retry(self, job_id: str) -> Job:
        """Queues the failed and cancelled tasks of an ended job again.

        Raises:
            JobNotFound: No such job.
            JobNotEnded: It has not ended.
        """
        return self._connection.request("POST", api_path("jobs", job_id, "retry"), Job)

    def update(
        self,
        job_id: str,
        *,
        priority: Priority | None = None,
        name: str | None = None,
        labels: Mapping[str, str | None] | None = None,
    ) -> Job:
        """Changes a job that has not ended. What is not given stays.

        Args:
            priority: Its tasks that wait move to that queue.
            name: Empty means the kind's name.
            labels: Go over those that it has; None as a value removes a label.

        Raises:
            JobNotFound: No such job.
            JobEnded: It has ended.
            InvalidInput: `fields` names what is wrong.
        """
        given = {"priority": priority, "name": name, "labels": labels}
        changes = {field: value for field, value in given.items() if value is not None}
        return self._connection.request("PATCH", api_path("jobs", job_id), Job, body=changes)

    def explain(self, job_id: str) -> Explanation:
        """Why a job waits: its place in the queue, what stands in its way, when it may start.

        Raises:
            JobNotFound: No such job.
        """
        return self._connection.request("GET", api_path("jobs", job_id, "explain"), Explanation)

    def tasks(self, job_id: str, *, state: TaskState | None = None) -> Iterator[Task]:
        """A job's tasks with their attempts, by index.

        Raises:
            JobNotFound: No such job.
        """
        path = api_path("jobs", job_id, "tasks")
        for page in self._pages(path, TaskPage, {"state": state}):
            yield from page.tasks

    def checkpoints(self, job_id: str) -> Iterator[Checkpoint]:
        """A job's checkpoints, newest first.

        Raises:
            JobNotFound: No such job.
        """
        for page in self._pages(api_path("jobs", job_id, "checkpoints"), CheckpointPage):
            yield from page.checkpoints

    def events(self, job_id: str, after: int = 0) -> Iterator[Event]:
        """A job's events, old ones first, then those to come, until the job ends.

        Goes on over broken connections without gaps and repeats. Ends after the terminal event; at
        once when that one is not after `after`.

        Args:
            after: Only events with a higher sequence number.

        Raises:
            JobNotFound: No such job.
            Unavailable: The gateway was away for two minutes.
        """
        return EventReader(self._connection, job_id, after=after).read()

    def wait(self, job_id: str, *, timeout_seconds: float | None = None) -> Job:
        """Returns the job once it has ended, however it ended.

        Raises:
            JobNotFound: No such job.
            DeadlineExceeded: It did not end in time; it goes on.
        """
        deadline = None if timeout_seconds is None else time.monotonic() + timeout_seconds
        for _ in EventReader(self._connection, job_id, deadline=deadline).read():
            pass
        return self.job(job_id)

    # Data

    def upload_dataset(
        self,
        name: str,
        folder: str | Path,
        description: str = "",
        *,
        on_bytes: OnBytes | None = None,
    ) -> DatasetVersion:
        """Makes a folder (or one file) the next version of a dataset.

        Contents that the fleet has already are not sent again. When nothing changed since the
        newest version, that one is returned.

        Args:
            description: For people; empty leaves the old one.
            on_bytes: Called from several threads with the number of bytes that were uploaded.

        Raises:
            InvalidName: The name is not allowed.
            InvalidArtifact: The folder is missing, empty or has too many files.
        """
        artifact = upload_files(self._connection, pack(Path(folder).expanduser()), on_bytes)
        return self._connection.request(
            "POST",
            api_path("datasets"),
            DatasetVersion,
            body=CreateDatasetVersion(name=name, artifact_id=artifact.id, description=description),
        )

    def datasets(self) -> Iterator[Dataset]:
        """Datasets, by name."""
        for page in self._pages(api_path("datasets"), DatasetPage):
            yield from page.datasets

    def dataset_versions(self, name: str) -> Iterator[DatasetVersion]:
        """A dataset's versions, newest first.

        Raises:
            DatasetNotFound: No such dataset.
        """
        for page in self._pages(api_path("datasets", name), DatasetDetail):
            yield from page.versions

    def artifact(self, artifact_id: str) -> ArtifactDownload:
        """An artifact's files, each with a signed URL to GET it from.

        Raises:
            ArtifactNotFound: No such artifact.
        """
        return self._connection.request("GET", api_path("artifacts", artifact_id), ArtifactDownload)

    # Models

    def models(self) -> Iterator[Model]:
        """Registered models, by name."""
        for page in self._pages(api_path("models"), ModelPage):
            yield from page.models

    def model_versions(self, name: str) -> Iterator[ModelVersion]:
        """A model's versions, newest first.

        Raises:
            ModelNotFound: No such model.
        """
        for page in self._pages(api_path("models", name, "versions"), ModelVersionPage):
            yield from page.versions

    def predict(self, name: str, inputs: Any, version: int | None = None) -> Prediction:
        """Runs a model over a batch.

        Args:
            inputs: Nested lists (or an array that has `tolist`), one row for each example; for a
                model with several inputs, a dict of such by the input's name.
            version: None means the one in production, or the newest when none is.

        Raises:
            ModelNotFound: No such model or version.
            ModelNotServable: Its files are not a model that can be run.
            InvalidInput: The inputs do not fit the model; the message says where.
        """
        return self._connection.request(
            "POST",
            api_path("models", name, "predict"),
            Prediction,
            body={"inputs": _to_json(inputs), "version": version},
            timeout_seconds=PREDICT_TIMEOUT_SECONDS,
        )

    # The fleet itself

    def health(self) -> FleetHealth:
        """Health of the fleet and of everything that it needs; asks without logging in."""
        return self._connection.request(
            "GET", "/health", FleetHealth, also_fine=frozenset({503}), is_public=True
        )

    def _pages(
        self,
        path: str,
        shape: type[Any],
        query: Mapping[str, Any] | None = None,
        limit: int | None = None,
    ) -> Iterator[Any]:
        token, left = "", limit
        while left is None or left > 0:
            size = PAGE_SIZE if left is None else min(PAGE_SIZE, left)
            page = self._connection.request(
                "GET",
                path,
                shape,
                query={**(query or {}), "page_size": size, "page_token": token},
            )
            yield page
            token = page.next_page_token
            if not token:
                return
            left = None if left is None else left - size


def _to_json(value: Any) -> Any:
    """Inputs as JSON can carry them: arrays as lists, NaN and infinities by their names."""
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, Mapping):
        return {name: _to_json(entry) for name, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_to_json(entry) for entry in value]
    if isinstance(value, float) and not math.isfinite(value):
        return to_json_number(value)
    return value
