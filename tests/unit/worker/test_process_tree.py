"""Descendants and what they hold, seen on processes of the test's own."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from tensorfleet.worker.process_tree import descendants, held_bytes

MIB = 1024**2
HOLDING = """
import os
held = bytearray(b"x") * (50 * 1024 ** 2)
child = os.fork()
os.write(1, b"%d\\n" % (child or os.getppid()))
os.read(0, 1)
"""


@contextmanager
def holding() -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, "-c", HOLDING], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield process
        process.kill()


def test_descendants_are_found_below_their_ancestor_only() -> None:
    table = {1: [2, 3], 2: [4], 4: [5], 7: [8]}
    assert sorted(descendants(1, table)) == [2, 3, 4, 5]
    assert descendants(5, table) == []


def test_real_child_and_its_memory_are_seen_and_shared_pages_count_once() -> None:
    with holding() as process:
        assert process.stdout is not None
        told = {int(process.stdout.readline()) for _ in range(2)}
        (child,) = descendants(process.pid)
        assert told == {process.pid, child}
        both = [process.pid, child]
        assert 50 * MIB < held_bytes(both, limit_bytes=60 * MIB) < 75 * MIB
        # Below the limit the quick sum will do.
        assert held_bytes(both, limit_bytes=1000 * MIB) > 100 * MIB


def test_process_that_is_gone_holds_nothing() -> None:
    assert held_bytes([2**22 + 1], limit_bytes=-1) == 0
