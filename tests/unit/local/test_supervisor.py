"""How ends are told."""

import signal

import pytest

from tensorfleet.local.supervisor import describe_end


@pytest.mark.parametrize(
    ("status", "told"),
    [
        (0, "ended with exit status 0"),
        (2, "ended with exit status 2"),
        (-signal.SIGKILL, "was ended by SIGKILL"),
        (-63, "was ended by signal 63"),
    ],
)
def test_end_is_told_in_words(status: int, told: str) -> None:
    assert describe_end(status) == told
