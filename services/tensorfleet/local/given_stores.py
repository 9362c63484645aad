"""Store servers of the user's own, which the fleet uses instead of starting some."""

from collections.abc import Mapping
from urllib.parse import urlsplit

from tensorfleet.shared.errors import InvalidInput

STORES = ("mongodb", "valkey", "seaweedfs")

_URL_VARIABLES = {
    "mongodb": "TENSORFLEET_MONGO_URL",
    "valkey": "TENSORFLEET_REDIS_URL",
    "seaweedfs": "TENSORFLEET_S3_URL",
}
_S3_KEYS = ("TENSORFLEET_S3_ACCESS_KEY", "TENSORFLEET_S3_SECRET_KEY")
_WHAT = {"mongodb": "MongoDB", "valkey": "Redis", "seaweedfs": "S3 store"}


def given_stores(environment: Mapping[str, str]) -> dict[str, str]:
    """For each store that the environment names, by the part it replaces, a sentence about it.

    The sentence has no password in it.

    Raises:
        InvalidInput: An S3 store is named without its keys.
    """
    found: dict[str, str] = {}
    for store, variable in _URL_VARIABLES.items():
        if url := environment.get(variable):
            found[store] = f"using your {_WHAT[store]} at {_place(url)} ({variable})"
    if "seaweedfs" in found:
        missing = [name for name in _S3_KEYS if not environment.get(name)]
        if missing:
            raise InvalidInput(
                f"TENSORFLEET_S3_URL is set, but not {' and '.join(missing)}: set them too, or "
                "unset the URL to have an S3 store started"
            )
    return found


def _place(url: str) -> str:
    """Host and port of a URL; MongoDB's may have several."""
    return urlsplit(url).netloc.rpartition("@")[2] or "an address without host"
