"""Paths of the gateway's REST interface."""

from urllib.parse import quote


def api_path(*parts: str) -> str:
    """The path of these parts, each of which may have any characters."""
    return "/api/v1/" + "/".join(quote(part, safe="") for part in parts)
