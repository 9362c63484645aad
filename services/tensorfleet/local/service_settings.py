"""The settings class of every service, and which variables of the environment it reads."""

import dataclasses
from collections import Counter
from collections.abc import Mapping
from importlib import import_module
from typing import Any

from tensorfleet.shared.settings import PREFIX, describe_settings

# In the order in which a newcomer meets them.
SETTINGS_CLASSES = {
    "gateway": "GatewaySettings",
    "orchestrator": "OrchestratorSettings",
    "worker": "WorkerSettings",
    "storage": "StorageSettings",
    "inference": "InferenceSettings",
    "monitoring": "MonitoringSettings",
}

HEADER = """\
# Settings of TensorFleet's services. Written by `tensorfleet settings > .env.example`.
# A line without "#" before it must be given; the others show their default.
# `tensorfleet up` sets all of these by itself; what you set for it in the environment goes to those
# processes that read it (addresses excepted).
"""


def settings_class(service: str) -> type[Any]:
    """The dataclass that the service's process fills from its environment."""
    module = import_module(f"tensorfleet.{service}.settings")
    found: type[Any] = getattr(module, SETTINGS_CLASSES[service])
    return found


def read_variables(service: str, variables: Mapping[str, str]) -> dict[str, str]:
    """Those of the variables that the service reads, and no other."""
    names = [PREFIX + name.upper() for name in _field_names(service)]
    return {name: variables[name] for name in names if name in variables}


def describe_all_settings() -> str:
    """The text of a `.env` file with every setting of every service, each once."""
    names = {service: _field_names(service) for service in SETTINGS_CLASSES}
    counts = Counter(name for fields in names.values() for name in fields)
    shared = {name for name, count in counts.items() if count > 1}
    sections = [HEADER, _describe_shared(shared)]
    for service, fields in names.items():
        own = describe_settings(settings_class(service), only=set(fields) - shared)
        sections.append(f"# --- {service} ---\n{own}\n")
    return "\n".join(sections)


def _describe_shared(shared: set[str]) -> str:
    lines, left = ["# --- several services ---"], set(shared)
    for service in SETTINGS_CLASSES:
        if text := describe_settings(settings_class(service), only=left):
            lines.append(text)
        left -= set(_field_names(service))
    return "\n".join(lines) + "\n"


def _field_names(service: str) -> list[str]:
    return [field.name for field in dataclasses.fields(settings_class(service))]
