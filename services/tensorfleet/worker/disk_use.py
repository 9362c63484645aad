"""How much disk a folder takes."""

import os
from pathlib import Path

BLOCK_BYTES = 512


def used_bytes(folder: Path) -> int:
    """Disk that everything below the folder occupies; links are not followed.

    Entries that come and go meanwhile are counted or not; holes in files are not.
    """
    total = 0
    pending = [os.fspath(folder)]
    while pending:
        try:
            with os.scandir(pending.pop()) as entries:
                for entry in entries:
                    try:
                        total += entry.stat(follow_symlinks=False).st_blocks * BLOCK_BYTES
                        if entry.is_dir(follow_symlinks=False):
                            pending.append(entry.path)
                    except OSError:
                        continue
        except OSError:
            continue
    return total
