"""Who is calling: a merchant, by an API key that has the scope which the route asks for."""

from typing import Annotated, Any

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from api.errors import InsufficientScope, Unauthorized
from api.services import Services, services
from domain.api_key import Caller, KeyScope
from storage import api_keys

LONGEST_KEY = 100

_bearer = HTTPBearer(auto_error=False, description="The merchant's API key.")


async def caller(
    request: Request,
    parts: Annotated[Services, Depends(services)],
    credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
) -> Caller:
    """FastAPI dependency. Raises Unauthorized, the same for every way of being wrong; RateLimited."""
    several = len(request.headers.getlist("authorization")) > 1
    if credentials is None or several or len(credentials.credentials) > LONGEST_KEY:
        raise Unauthorized
    async with parts.database.transaction() as session:
        found = await api_keys.caller(session, credentials.credentials)
    if found is None:
        raise Unauthorized
    parts.rate_limits.check_key(found.key_id)
    return found


def holding(scope: KeyScope) -> Any:
    """A dependency on the id of a merchant whose key has this scope. Raises what `caller` raises, and
    InsufficientScope."""

    async def merchant(found: Annotated[Caller, Depends(caller)]) -> str:
        if not found.may(scope):
            raise InsufficientScope(scope)
        return found.merchant_id

    return Depends(merchant)


CheckoutsWriter = Annotated[str, holding(KeyScope.CHECKOUTS_WRITE)]
CheckoutsReader = Annotated[str, holding(KeyScope.CHECKOUTS_READ)]
RefundsWriter = Annotated[str, holding(KeyScope.REFUNDS_WRITE)]
RoutingReader = Annotated[str, holding(KeyScope.ROUTING_READ)]
Parts = Annotated[Services, Depends(services)]
