"""Where requests may go: scheme, host and port of a target."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from tensorfleet.shared.errors import InvalidInput

_PORTS = {"http": 80, "https": 443, "grpc": 50051, "grpcs": 443}
_TLS_SCHEMES = ("https", "grpcs")
_MAX_URL_CHARACTERS = 8_000


@dataclass(frozen=True, slots=True)
class Origin:
    """A target without its path."""

    scheme: str
    host: str
    port: int

    @property
    def uses_tls(self) -> bool:
        """Whether it is spoken to encrypted."""
        return self.scheme in _TLS_SCHEMES

    @property
    def is_grpc(self) -> bool:
        """Whether it is spoken to by gRPC."""
        return self.scheme.startswith("grpc")

    @property
    def authority(self) -> str:
        """Host and port as in a Host field: without the port where it is the usual one."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"

    def __str__(self) -> str:
        return f"{self.scheme}://{self.authority}"


def parse_target(url: str) -> tuple[Origin, str]:
    """A target's origin, and its path with the query ("/" at least).

    Raises:
        InvalidInput: It is no URL of a known scheme, or has a user or fragment in it.
    """
    form = "write it as http://host:port (or https, grpc, grpcs)"
    if len(url) > _MAX_URL_CHARACTERS or any(c.isspace() or not c.isprintable() for c in url):
        raise InvalidInput(f"{url[:80]!r} is not a URL; {form}")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as exc:
        raise InvalidInput(f"{url[:80]!r} is not a URL: {exc}; {form}") from exc
    if parts.scheme not in _PORTS or not parts.hostname:
        raise InvalidInput(f"{url[:80]!r} is not a target; {form}")
    if parts.username is not None or parts.password is not None:
        raise InvalidInput(f"{parts.hostname!r} has a user in its URL; send it as a header instead")
    if parts.fragment:
        raise InvalidInput(f"{url[:80]!r} has a fragment (#), which is never sent; leave it out")
    if port == 0:
        raise InvalidInput(f"{url[:80]!r} has port 0, where nothing can listen")
    origin = Origin(parts.scheme, parts.hostname, port or _PORTS[parts.scheme])
    path = parts.path or "/"
    return origin, f"{path}?{parts.query}" if parts.query else path
