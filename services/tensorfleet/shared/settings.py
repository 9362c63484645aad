"""Settings from the environment: one frozen dataclass a service, read once, at start.

Every field is `Annotated[type, Meta(description=...)]`; the field `mongo_url` is read from the
variable `TENSORFLEET_MONGO_URL`. A field without a default must be given.
"""

import dataclasses
import sys
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar, TypeVar, get_args, get_type_hints

import msgspec
from msgspec import Meta

from tensorfleet.shared.errors import FieldError, InvalidInput

PREFIX = "TENSORFLEET_"

Settings = TypeVar("Settings")


@dataclass(frozen=True, kw_only=True)
class ServiceSettings:
    """What every service takes."""

    service_token: Annotated[
        str, Meta(description="Secret that services show each other; at least 32 characters")
    ]
    log_level: Annotated[str, Meta(description="debug, info, warning or error")] = "info"
    log_format: Annotated[str, Meta(description="json, or console for people")] = "json"
    shutdown_grace_seconds: Annotated[
        float, Meta(description="Time for requests under way when the service stops, seconds")
    ] = 10.0

    secret_fields: ClassVar[frozenset[str]] = frozenset(
        {"service_token", "mongo_url", "redis_url", "s3_secret_key", "jwt_secret", "admin_password"}
    )


@dataclass(frozen=True, kw_only=True)
class MongoSettings:
    """Where MongoDB is."""

    mongo_url: Annotated[str, Meta(description="MongoDB, a replica set: mongodb://user:pw@host/")]
    mongo_database: Annotated[str, Meta(description="Name of the database")] = "tensorfleet"


@dataclass(frozen=True, kw_only=True)
class RedisSettings:
    """Where Redis or Valkey is."""

    redis_url: Annotated[str, Meta(description="Redis or Valkey: redis://:pw@host:port/0")]


@dataclass(frozen=True, kw_only=True)
class S3Settings:
    """Where the object store is."""

    s3_url: Annotated[str, Meta(description="S3 endpoint as services reach it: http://host:port")]
    s3_access_key: Annotated[str, Meta(description="S3 access key")]
    s3_secret_key: Annotated[str, Meta(description="S3 secret key")]
    s3_public_url: Annotated[
        str, Meta(description="S3 endpoint as clients and workers reach it; empty: the same")
    ] = ""
    s3_bucket: Annotated[str, Meta(description="Bucket; created when missing")] = "tensorfleet"
    s3_region: Annotated[str, Meta(description="Region used in signatures")] = "us-east-1"


def load_settings(cls: type[Settings], environment: Mapping[str, str]) -> Settings:
    """Reads settings from environment variables.

    Raises:
        InvalidInput: A variable is missing or has a wrong value; the message names it.
    """
    hints = get_type_hints(cls, include_extras=True)
    values: dict[str, Any] = {}
    problems: list[FieldError] = []
    for field in dataclasses.fields(cls):  # type: ignore[arg-type]
        variable = PREFIX + field.name.upper()
        text = environment.get(variable)
        if text is None:
            if not _has_default(field):
                problems.append(FieldError(field=variable, message="must be set"))
            continue
        try:
            values[field.name] = msgspec.convert(
                text, hints[field.name], strict=False, dec_hook=_decode_path
            )
        except msgspec.ValidationError as exc:
            problems.append(FieldError(field=variable, message=str(exc)))
    if problems:
        listed = "; ".join(f"{p.field}: {p.message}" for p in problems)
        raise InvalidInput(f"cannot start with these settings: {listed}", tuple(problems))
    return cls(**values)


def describe_settings(cls: type[Any], only: Collection[str] | None = None) -> str:
    """One commented line of a `.env` file for each setting, with its default.

    Args:
        cls: The settings.
        only: Names of the fields to describe; None means all.
    """
    hints = get_type_hints(cls, include_extras=True)
    lines: list[str] = []
    for field in dataclasses.fields(cls):
        if only is not None and field.name not in only:
            continue
        meta = get_args(hints[field.name])[1]
        lines.append(f"# {meta.description}.")
        assignment = f"{PREFIX}{field.name.upper()}="
        if not _has_default(field):
            lines.append(assignment)
        elif field.default is dataclasses.MISSING:
            # Worked out on the machine at start.
            lines.append(f"#{assignment}")
        else:
            lines.append(f"#{assignment}{field.default}")
    return "\n".join(lines)


def _decode_path(wanted: type[Any], text: Any) -> Any:
    if wanted is Path:
        return Path(text)
    raise NotImplementedError(f"settings of type {wanted} are not supported")


def _has_default(field: dataclasses.Field[Any]) -> bool:
    return (
        field.default is not dataclasses.MISSING or field.default_factory is not dataclasses.MISSING
    )


def settings_from_command(
    cls: type[Settings], arguments: list[str], environment: Mapping[str, str]
) -> Settings:
    """What a service's `main` does with its command line: `--help` explains, the rest is refused.

    Exits with status 0 after `--help`, and with 2 on wrong settings.
    """
    if arguments in (["--help"], ["-h"]):
        sys.stdout.write(f"Settings, all from the environment:\n\n{describe_settings(cls)}\n")
        raise SystemExit(0)
    if arguments:
        sys.stderr.write("takes no arguments; settings come from the environment, see --help\n")
        raise SystemExit(2)
    try:
        return load_settings(cls, environment)
    except InvalidInput as exc:
        sys.stderr.write(f"{exc}\n(--help explains every setting)\n")
        raise SystemExit(2) from None
