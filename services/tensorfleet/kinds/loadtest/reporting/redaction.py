"""Configurations without what should never have been written into them."""

import re
from typing import Any

HIDDEN = "(hidden: give secrets as ${env:NAME} or ${file:PATH})"

_SECRET_NAME = re.compile(
    r"password|passwd|secret|token|authorization|cookie|credential|api[-_]?key|private[-_]?key",
    re.IGNORECASE,
)
_USER_IN_URL = re.compile(r"(?P<scheme>[a-z][a-z0-9+.-]*://)[^/@\s]*@", re.IGNORECASE)
_REFERENCE = re.compile(r"\$\{[^}]*\}")


def without_secrets(config: Any) -> Any:
    """A copy in which literal secrets are hidden; references to secrets stay.

    Hidden are texts under names such as `password` or `Authorization`, and users in URLs.
    """
    if isinstance(config, dict):
        return {key: _value(str(key), value) for key, value in config.items()}
    if isinstance(config, list | tuple):
        return [without_secrets(value) for value in config]
    if isinstance(config, str):
        return _USER_IN_URL.sub(r"\g<scheme>", config)
    return config


def _value(name: str, value: Any) -> Any:
    is_secret = isinstance(value, str) and value and _SECRET_NAME.search(name)
    # "Bearer ${env:TOKEN}" holds no secret.
    if is_secret and not _REFERENCE.search(value):
        return HIDDEN
    return without_secrets(value)
