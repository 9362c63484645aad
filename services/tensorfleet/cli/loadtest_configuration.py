"""What the command line asks of a load test, as its configuration."""

import re
from pathlib import Path
from typing import Any

from tensorfleet.shared.errors import InvalidInput

_DURATION = re.compile(r"(?P<number>\d+(?:\.\d+)?)\s*(?P<unit>us|ms|s|min|m|h|d)?")
_UNIT_SECONDS = {
    "us": 1e-6,
    "ms": 1e-3,
    "s": 1.0,
    "m": 60.0,
    "min": 60.0,
    "h": 3600.0,
    "d": 86_400.0,
}
_URL = re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE)
_DEFAULT_SECONDS = 30.0
_DEFAULT_STEPS = 5


def configuration(source: str) -> tuple[dict[str, Any], Path]:
    """A load test's configuration from a file, or that of a bare URL; and its files' folder.

    A job file of the kind `loadtest` is as good: its `spec` is the configuration.

    Raises:
        InvalidInput: There is no such file, or it holds something else.
    """
    if _URL.match(source):
        return _of_url(source), Path.cwd()
    from tensorfleet.shared.rest.job_files import check_job, parse_yaml, read_text

    path = Path(source)
    if not path.exists() and "/" not in source and ":" in source:
        raise InvalidInput(f"{source} is neither a file nor a URL; a target is http://host:port")
    document = parse_yaml(read_text(path))
    folder = path.absolute().parent
    if not isinstance(document, dict):
        raise InvalidInput(f"{source} holds no configuration: write at least `target: URL`")
    if "kind" not in document:
        return document, folder
    job = check_job(document)
    if job.kind != "loadtest":
        raise InvalidInput(f"{source} is a {job.kind} job: tensorfleet submit {source}")
    return dict(job.spec), folder / job.code if job.code else folder


def arrivals(
    shape: str,
    *,
    rate: float | None,
    to_rate: float | None,
    duration_seconds: float | None,
    steps: int | None,
    users: int | None,
    replay: str,
    seed: int | None,
) -> dict[str, Any] | None:
    """The arrivals that options ask for; None when they say nothing of them.

    Raises:
        InvalidInput: They do not fit each other.
    """
    shape = shape or ("replay" if replay else "closed" if users else "")
    if not shape and rate is None:
        if duration_seconds is not None:
            raise InvalidInput("--duration needs a --rate, or --users for a closed loop")
        return None
    shape = shape or "constant"
    seconds = _DEFAULT_SECONDS if duration_seconds is None else duration_seconds
    if shape == "closed":
        return {
            "shape": shape,
            "users": _given(users, shape, "--users"),
            "duration_seconds": seconds,
        }
    if shape == "replay":
        return {"shape": shape, "file": _given(replay or None, shape, "--replay")}
    first = _given(rate, shape, "--rate")
    if shape in ("constant", "poisson"):
        drawn = {} if seed is None or shape == "constant" else {"seed": seed}
        return {"shape": shape, "rate": first, "duration_seconds": seconds, **drawn}
    last = _given(to_rate, shape, "--to-rate")
    if shape == "ramp":
        return {"shape": shape, "from_rate": first, "to_rate": last, "duration_seconds": seconds}
    if shape == "spike":
        return {
            "shape": shape,
            "base_rate": first,
            "peak_rate": last,
            "before_seconds": 0.4 * seconds,
            "peak_seconds": 0.2 * seconds,
            "after_seconds": 0.4 * seconds,
        }
    count = _DEFAULT_STEPS if steps is None else steps
    if count < 2:
        raise InvalidInput("--steps of a staircase must be 2 or more")
    return {
        "shape": "staircase",
        "from_rate": first,
        "step_rate": (last - first) / (count - 1),
        "steps": count,
        "step_seconds": seconds / count,
    }


def duration_seconds(text: str, option: str) -> float:
    """Seconds of "30s", "500ms", "2m", "1h" or plain seconds.

    Raises:
        InvalidInput: It is none of these.
    """
    found = _DURATION.fullmatch(text.strip().lower())
    if found is None:
        raise InvalidInput(f"{option} {text[:40]!r} is no time; write it like 30s, 500ms, 2m or 1h")
    return float(found["number"]) * _UNIT_SECONDS[found["unit"] or "s"]


def headers(texts: list[str]) -> dict[str, str]:
    """Header fields by name, from "Name: value".

    Raises:
        InvalidInput: One is not of this form.
    """
    found = {}
    for text in texts:
        name, colon, value = text.partition(":")
        if not colon or not name.strip():
            raise InvalidInput(f"--header {text[:80]!r}: write it as 'Name: value'")
        found[name.strip()] = value.strip()
    return found


def monitors(texts: list[str]) -> list[dict[str, Any]]:
    """Machines to watch, from "ALIAS=local", "ALIAS=ssh:USER@HOST" or "ALIAS=http://.../metrics".

    Raises:
        InvalidInput: One is none of these.
    """
    found: list[dict[str, Any]] = []
    for text in texts:
        alias, _, source = text.partition("=")
        if source == "local":
            found.append({"alias": alias, "local": True})
        elif source.startswith("ssh:"):
            found.append({"alias": alias, "ssh": source.removeprefix("ssh:")})
        elif _URL.match(source):
            found.append({"alias": alias, "prometheus": source})
        else:
            raise InvalidInput(
                f"--monitor {text[:80]!r}: write ALIAS=local, ALIAS=ssh:USER@HOST, or "
                "ALIAS=http://HOST:9100/metrics"
            )
    return found


def with_request(
    config: dict[str, Any], *, method: str, fields: dict[str, str], body: str
) -> dict[str, Any]:
    """The configuration with what options say about the one request of a URL.

    Raises:
        InvalidInput: It has steps of its own, or a case.
    """
    if not (method or fields or body):
        return config
    if config.get("case") or len(config.get("steps", [])) > 1:
        raise InvalidInput(
            "--method, --header and --body are for a URL; a file says it in its steps"
        )
    step = dict((config.get("steps") or [{}])[0])
    step["method"] = method or ("POST" if body else step.get("method", "GET"))
    if fields:
        step["headers"] = {**step.get("headers", {}), **fields}
    if body:
        step["body"] = body
    return {**config, "steps": [step]}


def _of_url(url: str) -> dict[str, Any]:
    """A URL is a target, and a path to ask for."""
    scheme, _, rest = url.partition("://")
    at = min((place for mark in "/?" if (place := rest.find(mark)) >= 0), default=len(rest))
    path = rest[at:]
    config: dict[str, Any] = {"target": f"{scheme}://{rest[:at]}"}
    if path not in ("", "/"):
        config["steps"] = [{"path": path if path.startswith("/") else f"/{path}"}]
    return config


def _given(value: Any, shape: str, option: str) -> Any:
    if value is None:
        raise InvalidInput(f"--shape {shape} needs {option}")
    return value
