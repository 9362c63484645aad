"""The secrets of a machine's fleet, made once."""

import secrets
from collections.abc import Mapping
from pathlib import Path

import msgspec

from tensorfleet.local.secret_file import SECRET_BYTES, write_secret
from tensorfleet.shared.errors import InvalidInput

ADMIN_USER = "admin"
PASSWORD_BYTES = 15


class FleetSecrets(msgspec.Struct, frozen=True, kw_only=True):
    """What services show each other, what signs tokens, and the first user's password."""

    service_token: str
    jwt_secret: str
    admin_password: str

    def __repr__(self) -> str:
        return "FleetSecrets(...)"

    def variables(self) -> dict[str, str]:
        """As the services read them."""
        return {
            "TENSORFLEET_SERVICE_TOKEN": self.service_token,
            "TENSORFLEET_JWT_SECRET": self.jwt_secret,
            "TENSORFLEET_ADMIN_PASSWORD": self.admin_password,
        }


def read_or_make_secrets(path: Path, environment: Mapping[str, str]) -> FleetSecrets:
    """The secrets in the file; at first, random ones are made.

    A token or signing secret in the environment counts instead. The password of `admin` counts as
    it was at the first start, from the environment or random: the fleet makes that user once.

    Raises:
        InvalidInput: The file is damaged.
    """
    token = environment.get("TENSORFLEET_SERVICE_TOKEN")
    jwt_secret = environment.get("TENSORFLEET_JWT_SECRET")
    kept = _read(path)
    if kept is None:
        kept = FleetSecrets(
            service_token=token or secrets.token_urlsafe(SECRET_BYTES),
            jwt_secret=jwt_secret or secrets.token_urlsafe(SECRET_BYTES),
            admin_password=environment.get("TENSORFLEET_ADMIN_PASSWORD")
            or secrets.token_urlsafe(PASSWORD_BYTES),
        )
        write_secret(path, msgspec.json.encode(kept).decode())
    return FleetSecrets(
        service_token=token or kept.service_token,
        jwt_secret=jwt_secret or kept.jwt_secret,
        admin_password=kept.admin_password,
    )


def _read(path: Path) -> FleetSecrets | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=FleetSecrets)
    except FileNotFoundError:
        return None
    except msgspec.MsgspecError as exc:
        raise InvalidInput(
            f"{path} is damaged ({exc}); put a good copy back, or remove it to have new secrets "
            "made (users then log in again; the password of admin stays the old one)"
        ) from exc
