"""What a client does with algorithms: register and compare them."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import replace

from tensorfleet.kinds.profile.algorithms.algorithm import Algorithm
from tensorfleet.sdk.definition_calls import DefinitionCalls
from tensorfleet.sdk.submission import pack_code
from tensorfleet.sdk.uploads import upload_files
from tensorfleet.shared.errors import FieldError, InvalidInput, NameTaken
from tensorfleet.shared.local_files import LocalFile
from tensorfleet.shared.rest.checking import check_document
from tensorfleet.shared.rest.jobs import Job
from tensorfleet.shared.transfer import OnBytes

COLLECTION = "algorithms"

# What an algorithm may be given as: its function, its description, or a mapping with that.
AnyAlgorithm = Callable[..., Any] | Algorithm | Mapping[str, Any]


class RegisteredAlgorithm(
    Algorithm, frozen=True, kw_only=True, forbid_unknown_fields=False, omit_defaults=True
):
    """An algorithm that jobs may name."""

    builtin: bool
    """Whether every project has it."""
    owner: str = ""
    """Who registered it; empty for a built-in one."""
    create_time: datetime | None = None
    """When it was registered; None for a built-in one."""


class AlgorithmCalls(DefinitionCalls, ABC):
    """Algorithms to be measured. A part of `Client`."""

    @abstractmethod
    def submit(
        self,
        job: Mapping[str, Any] | str | Path,
        *,
        idempotency_key: str | None = None,
        on_bytes: OnBytes | None = None,
    ) -> Job:
        """See Client."""

    def register_algorithm(
        self,
        algorithm: AnyAlgorithm,
        *,
        code: str | Path = "",
        idempotency_key: str | None = None,
        on_bytes: OnBytes | None = None,
    ) -> RegisteredAlgorithm:
        """Registers an algorithm for the project: from now on, its jobs may name it.

        ```python
        fleet.register_algorithm(my_sort, code="src")
        fleet.compare("my_sort", "tim_sort")
        ```

        It never changes: to register another one by this name, delete it first.

        Args:
            algorithm: A function that `tensorfleet.algorithm` decorates, or a description: a
                mapping with at least `name` and `function` ("module:function").
            code: The folder with the function's code, which is uploaded as `submit` does it, or
                the id of an artifact; empty: workers have the function installed.
            idempotency_key: As that of `submit`.
            on_bytes: Called from several threads with the number of bytes that were uploaded.

        Raises:
            InvalidInput: `fields` names everything that is wrong.
            NameTaken: The project has an algorithm of this name, or it is built in.
        """
        from tensorfleet.kinds.profile.definitions import DEFINITIONS

        described = _describe(algorithm)
        if described.name in DEFINITIONS.builtin:
            raise NameTaken(
                f"{described.name!r} is the name of a built-in algorithm; choose another one"
            )
        if code:
            files = pack_code(str(code), Path())
            if files is None:
                described = replace(described, code=str(code))
            else:
                _check_code(described, files)
                DEFINITIONS.check(described)
                artifact = upload_files(self._connection, files, on_bytes)
                described = replace(described, code=artifact.id)
        DEFINITIONS.check(described)
        document = msgspec.to_builtins(described)
        made = self.define(COLLECTION, document, idempotency_key=idempotency_key)
        return msgspec.convert(made, RegisteredAlgorithm)

    def list_algorithms(self, *, builtin: bool | None = None) -> list[RegisteredAlgorithm]:
        """Built-in algorithms by name, then the project's by name.

        Args:
            builtin: Only the built-in ones, or only the project's; None means both.
        """
        found = list(self.definitions(COLLECTION, builtin=builtin))
        return msgspec.convert(found, list[RegisteredAlgorithm])

    def algorithm(self, name: str) -> RegisteredAlgorithm:
        """One algorithm, built in or the project's.

        Raises:
            DefinitionNotFound: There is none of this name.
        """
        return msgspec.convert(self.definition(COLLECTION, name), RegisteredAlgorithm)

    def delete_algorithm(self, name: str) -> None:
        """Frees the name of one of the project's algorithms. Jobs that exist already keep theirs.

        Raises:
            DefinitionNotFound: There is none of this name.
            Conflict: It is built in.
        """
        self.delete_definition(COLLECTION, name)

    def compare(
        self,
        a: str | AnyAlgorithm,
        b: str | AnyAlgorithm,
        *,
        code: str | Path = "",
        idempotency_key: str | None = None,
        on_bytes: OnBytes | None = None,
        **fields: Any,
    ) -> Job:
        """Has two algorithms measured side by side on the same inputs, on one worker.

        Args:
            a: The name of a built-in or registered algorithm, "module:function", a function that
                `tensorfleet.algorithm` decorates, or a description.
            b: The same.
            code: The folder with the code of those that are not registered; empty means none.
            idempotency_key: As that of `submit`.
            on_bytes: As that of `submit`.
            fields: What else POST /api/v1/compare takes, such as `sizes`.

        Raises:
            InvalidInput: `fields` names everything that is wrong.
        """
        from tensorfleet.kinds.profile.forms import FORMS

        asked: dict[str, Any] = {"a": _named(a), "b": _named(b), **fields}
        if code:
            asked["code"] = str(code)
        form: Any = check_document(asked, FORMS["compare"], what="comparison")
        job = msgspec.json.decode(msgspec.json.encode(form.to_job()))
        return self.submit(job, idempotency_key=idempotency_key, on_bytes=on_bytes)


def _named(algorithm: str | AnyAlgorithm) -> Any:
    if isinstance(algorithm, str):
        return algorithm
    return msgspec.to_builtins(_describe(algorithm))


def _describe(algorithm: AnyAlgorithm) -> Algorithm:
    if isinstance(algorithm, Algorithm):
        return algorithm
    if isinstance(algorithm, Mapping):
        return check_document(dict(algorithm), Algorithm, what="algorithm")
    if not callable(algorithm):
        message = f"must be a function or a mapping, not {type(algorithm).__name__}"
        raise InvalidInput(
            f"the algorithm {message}", (FieldError(field="algorithm", message=message),)
        )
    from tensorfleet.kinds.profile.algorithms.declaration import describe

    return describe(algorithm)


def _check_code(algorithm: Algorithm, files: list[LocalFile]) -> None:
    """Whether the algorithm's functions can be in the code folder."""
    from tensorfleet.kinds.profile.spec import Spec, check_code

    spec = Spec(algorithms=(replace(algorithm, code=""),))
    check_code(spec, frozenset(item.file.path for item in files))
