"""Access tokens: short-lived JWTs, signed with HMAC-SHA256."""

from datetime import timedelta
from functools import lru_cache

import jwt

from tensorfleet.gateway.users import Identity, Role, User
from tensorfleet.shared.clock import Clock, utc_now
from tensorfleet.shared.errors import Unauthenticated

ALGORITHM = "HS256"
ISSUER = "tensorfleet"
REMEMBERED_TOKENS = 1024

_REQUIRED = ["exp", "iat", "iss", "sub", "project", "role"]
_LOG_IN = "log in again at POST /api/v1/auth/login"


class Tokens:
    """Issues tokens and reads them back."""

    def __init__(self, secret: str, time_to_live: timedelta, clock: Clock = utc_now) -> None:
        self._secret = secret
        self._clock = clock
        self.time_to_live = time_to_live
        # A client sends its token with every request, and its check takes as long as all the rest
        # of a short request. Only good tokens are remembered.
        self._verified = lru_cache(REMEMBERED_TOKENS)(self._verify)

    def issue(self, user: User) -> str:
        """A token for the user, good for `time_to_live`."""
        now = self._clock()
        claims = {
            "iss": ISSUER,
            "sub": user.name,
            "project": user.project,
            "role": user.role.value,
            "iat": now,
            "exp": now + self.time_to_live,
        }
        return jwt.encode(claims, self._secret, ALGORITHM)

    def read(self, token: str) -> Identity:
        """Whom a token stands for.

        Raises:
            Unauthenticated: It is forged, unsigned, expired, or not one of ours.
        """
        identity, expires_unix = self._verified(token)
        if expires_unix <= self._clock().timestamp():
            raise Unauthenticated(f"the token has expired; {_LOG_IN}")
        return identity

    def _verify(self, token: str) -> tuple[Identity, float]:
        """Whom a token stands for, and until when."""
        try:
            claims = jwt.decode(
                token,
                self._secret,
                algorithms=[ALGORITHM],
                issuer=ISSUER,
                # The time is compared by our own clock, each time.
                options={"require": _REQUIRED, "verify_exp": False, "verify_iat": False},
            )
            identity = Identity(
                user=claims["sub"], project=str(claims["project"]), role=Role(claims["role"])
            )
            return identity, float(claims["exp"])
        except (jwt.InvalidTokenError, ValueError, TypeError) as exc:
            raise Unauthenticated(f"the token is not one of this fleet's; {_LOG_IN}") from exc
