"""Telling why the packaged MongoDB cannot run."""

import pytest

from tensorfleet.local.mongodb_platform import library_problem, machine_problem

FITTING = """\
\tlinux-vdso.so.1 (0x00007f43edaec000)
\tlibcurl.so.4 => /lib/x86_64-linux-gnu/libcurl.so.4 (0x00007f43e7151000)
\tlibc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x00007f43e693e000)
"""
LACKING = """\
/mongod: /lib/x86_64-linux-gnu/libc.so.6: version `GLIBC_2.34' not found (required by /mongod)
/mongod: /lib/x86_64-linux-gnu/libm.so.6: version `GLIBC_2.35' not found (required by /mongod)
/mongod: /lib/x86_64-linux-gnu/libc.so.6: version `GLIBC_2.34' not found (required by /mongod)
\tlibcurl.so.4 => not found
\tlibcrypto.so.3 => not found
\tlibc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x00007f43e693e000)
"""


def test_fitting_machine_has_no_problem() -> None:
    assert machine_problem("Linux", "x86_64") is None
    assert library_problem(FITTING) is None


@pytest.mark.parametrize(
    ("system", "machine"), [("Darwin", "arm64"), ("Linux", "aarch64"), ("Windows", "AMD64")]
)
def test_other_machines_are_named(system: str, machine: str) -> None:
    assert machine_problem(system, machine) == f"this is {system} on {machine}"


def test_each_missing_library_is_named_once() -> None:
    assert library_problem(LACKING) == (
        "this machine lacks GLIBC_2.34, GLIBC_2.35, libcurl.so.4, libcrypto.so.3"
    )


def test_machine_without_glibc_is_told_so() -> None:
    assert library_problem("glibc => not found") == "this machine lacks glibc"
