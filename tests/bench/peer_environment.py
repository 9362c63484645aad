"""Virtual environments of peers: apart from ours, made once, kept below build/bench/peers/."""

import asyncio
import os
import sys
from pathlib import Path

from tests.bench.figures import FOLDER

INSTALL_TIMEOUT_SECONDS = 400.0


async def peer_environment(name: str, *requirements: str) -> Path:
    """The folder of programs of an environment with these packages, as pip's configuration says."""
    folder = FOLDER / "peers" / name
    stamp, wanted = folder / "installed.txt", "\n".join(requirements)
    if not stamp.exists() or stamp.read_text() != wanted:
        await _run(sys.executable, "-m", "venv", "--clear", str(folder))
        await _run(str(folder / "bin/python"), "-m", "pip", "install", "--quiet", *requirements)
        stamp.write_text(wanted)
    return folder / "bin"


async def _run(*command: str) -> None:
    process = await asyncio.create_subprocess_exec(*command, env=dict(os.environ))
    try:
        status = await asyncio.wait_for(process.wait(), INSTALL_TIMEOUT_SECONDS)
    finally:
        if process.returncode is None:
            process.kill()
    if status:
        sys.exit(f"{' '.join(command)} failed")
