"""Logging in."""

from litestar import post
from litestar.di import NamedDependency
from litestar.params import JSONBody, SkipValidation

from tensorfleet.gateway.authentication import PUBLIC
from tensorfleet.gateway.bodies import CheckedBody
from tensorfleet.gateway.login import Logins
from tensorfleet.gateway.problems import problem_responses
from tensorfleet.shared.rest.auth import AccessToken, Login


@post(
    "/api/v1/auth/login",
    tags=["auth"],
    summary="Log in",
    status_code=200,
    dto=CheckedBody[Login],
    return_dto=None,
    opt=PUBLIC,
    security=[{}],
    responses=problem_responses(400, 401, 503),
)
async def log_in(
    data: JSONBody[Login], logins: NamedDependency[SkipValidation[Logins]]
) -> AccessToken:
    """Gives an access token for a user's name and password.

    An unknown name and a wrong password get the same answer.
    """
    token = await logins.log_in(data.username, data.password)
    ttl = logins.tokens.time_to_live
    return AccessToken(access_token=token, expires_in_seconds=int(ttl.total_seconds()))
