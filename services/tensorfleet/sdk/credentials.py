"""Which fleet to talk to, and as whom."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec

from tensorfleet.shared.errors import Unauthenticated

URL_VARIABLE = "TENSORFLEET_URL"
TOKEN_VARIABLE = "TENSORFLEET_TOKEN"  # noqa: S105  the variable's name
USERNAME_VARIABLE = "TENSORFLEET_USERNAME"
PASSWORD_VARIABLE = "TENSORFLEET_PASSWORD"  # noqa: S105  the variable's name
HOME_VARIABLE = "TENSORFLEET_HOME"

DEFAULT_HOME = "~/.tensorfleet"
FILE_NAME = "credentials.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """A gateway's URL, with a token or a user's name and password."""

    url: str
    """Of several gateways of one fleet, all of them, separated by commas."""
    token: str = ""
    username: str = ""
    password: str = ""

    def __repr__(self) -> str:
        """Without the secrets, as objects end up in tracebacks and logs."""
        return f"Credentials(url={self.url!r}, username={self.username!r})"


class _File(msgspec.Struct, frozen=True):
    """What stands in credentials.json."""

    url: str
    username: str
    password: str


def fleet_home(environment: Mapping[str, str] = os.environ) -> Path:
    """Where this machine's own fleet keeps its files."""
    return Path(environment.get(HOME_VARIABLE) or DEFAULT_HOME).expanduser()


def find_credentials(environment: Mapping[str, str] = os.environ) -> Credentials:
    """Those of the environment, else those that this machine's own fleet left.

    `TENSORFLEET_URL` goes with `TENSORFLEET_TOKEN`, or with `TENSORFLEET_USERNAME` and
    `TENSORFLEET_PASSWORD`. Without it, `credentials.json` in the fleet's home counts.

    Raises:
        Unauthenticated: There are none, or they are not complete; the message says what to do.
    """
    url = environment.get(URL_VARIABLE, "")
    if not url:
        return _read_file(fleet_home(environment) / FILE_NAME)
    credentials = Credentials(
        url=url,
        token=environment.get(TOKEN_VARIABLE, ""),
        username=environment.get(USERNAME_VARIABLE, ""),
        password=environment.get(PASSWORD_VARIABLE, ""),
    )
    if not credentials.token and not (credentials.username and credentials.password):
        raise Unauthenticated(
            f"{URL_VARIABLE} is set, but no credentials are: set {TOKEN_VARIABLE}, or "
            f"{USERNAME_VARIABLE} and {PASSWORD_VARIABLE}"
        )
    return credentials


def _read_file(path: Path) -> Credentials:
    try:
        content = msgspec.json.decode(path.read_bytes(), type=_File)
    except FileNotFoundError as exc:
        raise Unauthenticated(
            f"no fleet is known here: there is no {path}. Start one with `tensorfleet up`, or set "
            f"{URL_VARIABLE} and {TOKEN_VARIABLE}"
        ) from exc
    except OSError as exc:
        raise Unauthenticated(f"cannot read {path}: {exc.strerror or exc}") from exc
    except (msgspec.DecodeError, UnicodeDecodeError) as exc:
        raise Unauthenticated(
            f"{path} is damaged ({exc}); restart the fleet with `tensorfleet down` and "
            "`tensorfleet up`, which write it anew"
        ) from exc
    return Credentials(url=content.url, username=content.username, password=content.password)
