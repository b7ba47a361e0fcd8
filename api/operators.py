"""Who is steering: an operator, with a role.

    Steering = Annotated[Operator, needs(Role.OPERATOR)]

    @router.put("/switches/{kind}")
    async def put(kind: Switch, operator: Steering, ...): ...

`WAYS` are the ways in which a request may tell who it is from. A merchant's key is none of them.
"""

import re
from collections.abc import Awaitable, Callable
from typing import Annotated, Any

from fastapi import Depends, Request
from fastapi.security import APIKeyCookie, HTTPAuthorizationCredentials, HTTPBearer

from api.auth import LONGEST_KEY, Parts
from api.client_address import client_address
from api.errors import Forbidden, Unauthorized
from api.services import Services
from api.sessions import by_session, signed_in
from domain.operator import Operator, Role
from storage import operators
from storage.audit_log import ORIGIN

Way = Callable[[Request, Services], Awaitable[Operator | None]]
"""Who a request is from; None: it does not say so in this way. Raises Unauthorized for a wrong claim."""

_documented = HTTPBearer(auto_error=False, scheme_name="OperatorToken", description="An operator's token.")
_documented_cookie = APIKeyCookie(
    name="__Host-smartpay_session",
    auto_error=False,
    scheme_name="OperatorSession",
    description="A signed-in operator; what changes something needs `X-CSRF-Token` too.",
)


def _unauthorized() -> Unauthorized:
    return Unauthorized("Sign in, or send a valid operator's token: `Authorization: Bearer <token>`.")


async def by_bearer_token(request: Request, parts: Services) -> Operator | None:
    """`Authorization: Bearer sp_op_...`. Anything else in that header is refused."""
    given = request.headers.getlist("authorization")
    if not given:
        return None
    scheme, _, token = given[0].partition(" ")
    if len(given) > 1 or scheme.lower() != "bearer" or not token.startswith(operators.TOKEN_START):
        raise _unauthorized()
    if len(token) > LONGEST_KEY:
        raise _unauthorized()
    async with parts.database.transaction() as session:
        found = await operators.by_token(session, token)
    if found is None:
        await parts.refusals.record(
            parts.database, actor="unknown", action="operator.sign_in_refused", subject=_readable(token)
        )
        raise _unauthorized()
    return found


def _readable(token: str) -> str:
    """As much of a token as is kept of every token; nothing of what is none."""
    start = token[: operators.PREFIX_LENGTH]
    return start if re.fullmatch(r"[A-Za-z0-9_-]+", start) else "unreadable"


WAYS: tuple[Way, ...] = (by_bearer_token, by_session)


def note_origin(request: Request) -> None:
    """What the audit log says of where the caller is."""
    ORIGIN.set(f"api {client_address(request.scope)}")


async def operator(
    request: Request,
    parts: Parts,
    _credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_documented)],
    _cookie: Annotated[str | None, Depends(_documented_cookie)],
) -> Operator:
    """FastAPI dependency: whoever it is, with any role. Raises Unauthorized, the same for every wrong way."""
    note_origin(request)
    for way in WAYS:
        found = await way(request, parts)
        if found is not None:
            return found
    raise _unauthorized()


async def still_known(request: Request, parts: Services) -> bool:
    """Whether a request that was let in would be again. A signed-in session is not used by that."""
    session_id = getattr(request.state, "session_id", None)
    if session_id is not None:
        return await signed_in(parts, session_id, used=False) is not None
    try:
        return await by_bearer_token(request, parts) is not None
    except Unauthorized:
        return False


def needs(least: Role) -> Any:
    """A dependency on an operator whose role is at least this. Raises Unauthorized, Forbidden."""

    async def allowed(
        request: Request, parts: Parts, found: Annotated[Operator, Depends(operator)]
    ) -> Operator:
        if not found.role.covers(least):
            await parts.refusals.record(
                parts.database,
                actor=found.actor,
                action="operator.refused",
                subject=f"{request.method} {request.url.path[:200]}",
                after={"role": found.role, "needed": least},
            )
            raise Forbidden(f"This needs the role `{least}`.")
        return found

    return Depends(allowed)


Viewing = Annotated[Operator, needs(Role.VIEWER)]
Steering = Annotated[Operator, needs(Role.OPERATOR)]
Administering = Annotated[Operator, needs(Role.ADMIN)]
