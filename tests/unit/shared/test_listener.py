"""Listening sockets."""

import pytest

from tensorfleet.shared.errors import InvalidInput
from tensorfleet.shared.listener import open_listener


def test_listener_is_known_to_be_tcp() -> None:
    """Otherwise asyncio leaves Nagle's algorithm on, and each answer takes 40 ms longer."""
    with open_listener("127.0.0.1:0") as listener:
        assert listener.proto != 0
        port = listener.getsockname()[1]
        with pytest.raises(InvalidInput, match=f"cannot listen on 127.0.0.1:{port}"):
            open_listener(f"127.0.0.1:{port}")
