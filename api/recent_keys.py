"""Merchants' keys that were valid a moment ago: for questions that touch neither money nor a merchant's data.

Looking a key up costs more than deciding a route. A key that was revoked can go on asking for a second;
everything else looks it up every time (`api.auth.caller`).
"""

from hashlib import sha256
from typing import Annotated

from fastapi import Depends

from api.auth import Key, Parts, permitted
from api.errors import Unauthorized
from domain.api_key import KeyScope
from storage import api_keys


async def recent_merchant(parts: Parts, claimed: Key) -> str:
    """FastAPI dependency: the id of a merchant whose key may ask for routes. Raises Unauthorized, the same
    for every wrong way; RateLimited, InsufficientScope."""
    digest = sha256(claimed.encode()).digest()
    found = parts.recent_keys.get(digest)
    if found is None:
        async with parts.database.transaction() as session:
            found = await api_keys.caller(session, claimed)
        if found is None:
            raise Unauthorized
        parts.recent_keys.keep(digest, found)
    parts.rate_limits.check_key(found.key_id)
    return permitted(found, KeyScope.ROUTING_READ)


RecentMerchant = Annotated[str, Depends(recent_merchant)]
