"""Who is calling: a merchant, by an API key that has the scope which the route asks for."""

from typing import Annotated, Any

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from starlette.types import Scope

from api.errors import InsufficientScope, Unauthorized
from api.services import Services, services
from domain.api_key import Caller, KeyScope
from storage import api_keys

LONGEST_KEY = 100

_bearer = HTTPBearer(auto_error=False, description="The merchant's API key.")


async def key(
    request: Request, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]
) -> str:
    """FastAPI dependency: what claims to be a merchant's key. Raises Unauthorized."""
    several = len(request.headers.getlist("authorization")) > 1
    if credentials is None or several or len(credentials.credentials) > LONGEST_KEY:
        raise Unauthorized
    return credentials.credentials


def bearer_key(scope: Scope) -> str:
    """The same outside of the framework's dependencies. Raises Unauthorized."""
    told = [value for name, value in scope["headers"] if name == b"authorization"]
    scheme, _, claimed = told[0].decode("latin-1").partition(" ") if len(told) == 1 else ("", "", "")
    claimed = claimed.strip()
    if scheme.lower() != "bearer" or not claimed or len(claimed) > LONGEST_KEY:
        raise Unauthorized
    return claimed


Key = Annotated[str, Depends(key)]


async def caller(parts: Annotated[Services, Depends(services)], claimed: Key) -> Caller:
    """FastAPI dependency. Raises Unauthorized, the same for every way of being wrong; RateLimited."""
    async with parts.database.transaction() as session:
        found = await api_keys.caller(session, claimed)
    if found is None:
        raise Unauthorized
    parts.rate_limits.check_key(found.key_id)
    return found


def holding(scope: KeyScope) -> Any:
    """A dependency on the id of a merchant whose key has this scope. Raises what `caller` raises, and
    InsufficientScope."""

    async def merchant(found: Annotated[Caller, Depends(caller)]) -> str:
        return permitted(found, scope)

    return Depends(merchant)


def permitted(found: Caller, scope: KeyScope) -> str:
    """The merchant's id. Raises InsufficientScope."""
    if not found.may(scope):
        raise InsufficientScope(scope)
    return found.merchant_id


CheckoutsWriter = Annotated[str, holding(KeyScope.CHECKOUTS_WRITE)]
CheckoutsReader = Annotated[str, holding(KeyScope.CHECKOUTS_READ)]
RefundsWriter = Annotated[str, holding(KeyScope.REFUNDS_WRITE)]
Parts = Annotated[Services, Depends(services)]
