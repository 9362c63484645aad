"""Network addresses as users write them: `host:port`."""

from tensorfleet.shared.errors import InvalidInput


def split_address(address: str) -> tuple[str, int]:
    """Host and port of `host:port`.

    Raises:
        InvalidInput: It is not of that form.
    """
    host, colon, port = address.rpartition(":")
    if not colon or not host or not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise InvalidInput(f"{address!r} is not an address; write host:port, like 127.0.0.1:7100")
    return host.strip("[]"), int(port)
