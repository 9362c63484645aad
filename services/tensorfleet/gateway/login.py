"""Logging in, and the first user."""

from tensorfleet.gateway.passwords import Passwords, generate_password
from tensorfleet.gateway.tokens import Tokens
from tensorfleet.gateway.users import ADMIN_NAME, Role, User, UserStore
from tensorfleet.shared.caller import DEFAULT_PROJECT
from tensorfleet.shared.clock import Clock, utc_now
from tensorfleet.shared.errors import Unauthenticated


class Logins:
    """Turns names and passwords into tokens."""

    def __init__(self, users: UserStore, passwords: Passwords, tokens: Tokens) -> None:
        self._users = users
        self._passwords = passwords
        self.tokens = tokens

    async def log_in(self, name: str, password: str) -> str:
        """A token. An unknown name and a wrong password look the same, and take as long.

        Raises:
            Unauthenticated: One of them is wrong.
        """
        user = await self._users.find(name)
        if not await self._passwords.is_right(password, user.password_hash if user else None):
            user = None
        if user is None:
            raise Unauthenticated("the user name or the password is wrong")
        return self.tokens.issue(user)


async def ensure_admin(
    users: UserStore, passwords: Passwords, given_password: str, clock: Clock = utc_now
) -> str | None:
    """Makes the user `admin` when there is none.

    Returns:
        The password that was generated for it; None when it was given, or the user was there.
    """
    if await users.find(ADMIN_NAME) is not None:
        return None
    password = given_password or generate_password()
    admin = User(
        name=ADMIN_NAME,
        password_hash=await passwords.hash(password),
        role=Role.ADMIN,
        project=DEFAULT_PROJECT,
        create_time=clock(),
    )
    is_added = await users.add(admin)  # false: another replica was faster, its password counts
    return password if is_added and not given_password else None
