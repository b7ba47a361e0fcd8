"""Merchants' keys that were valid a moment ago: for questions that touch neither money nor a merchant's data.

Looking a key up costs more than deciding a route. A key that was revoked can go on asking for a second;
everything else looks it up every time (`api.auth.merchant`).
"""

from hashlib import sha256
from typing import Annotated

from fastapi import Depends

from api.auth import Key, Parts
from api.errors import Unauthorized
from storage.merchants import merchant_of_key


async def recent_merchant(parts: Parts, claimed: Key) -> str:
    """FastAPI dependency: the merchant's id. Raises Unauthorized, the same for every way of being wrong."""
    digest = sha256(claimed.encode()).digest()
    known = parts.recent_keys.get(digest)
    if known is not None:
        return known
    async with parts.database.transaction() as session:
        found = await merchant_of_key(session, claimed)
    if found is None:
        raise Unauthorized
    parts.recent_keys.keep(digest, found)
    return found


RecentMerchant = Annotated[str, Depends(recent_merchant)]
