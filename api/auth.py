"""Who is calling: a merchant, by API key."""

from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from api.errors import Unauthorized
from api.services import Services, services
from storage.merchants import merchant_of_key

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


Key = Annotated[str, Depends(key)]


async def merchant(parts: Annotated[Services, Depends(services)], claimed: Key) -> str:
    """FastAPI dependency: the merchant's id. Raises Unauthorized, the same for every way of being wrong."""
    async with parts.database.transaction() as session:
        found = await merchant_of_key(session, claimed)
    if found is None:
        raise Unauthorized
    return found


Merchant = Annotated[str, Depends(merchant)]
Parts = Annotated[Services, Depends(services)]
