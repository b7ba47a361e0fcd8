"""Whether a customer may be sent back to where a checkout says: the merchant's allow-list decides.

An open redirect in a payment's name is what a phisher wants. With a list, whoever has stolen a key, or found
a shop that takes the address from its visitors, can send customers to the merchant's own sites only.
"""

from sqlmodel.ext.asyncio.session import AsyncSession

from api.addresses import origin_of
from api.errors import InvalidRequest
from storage import merchants, tables


async def may_return(session: AsyncSession, checkout: tables.Checkout, *, required: bool) -> bool:
    """Its `return_url` has one of the merchant's origins. Where there are none: unless one is `required`."""
    if checkout.return_url is None:
        return True
    allowed = await merchants.origins(session, checkout.merchant_id)
    return origin_of(checkout.return_url) in allowed if allowed else not required


def origin_refused() -> InvalidRequest:
    return InvalidRequest.at(
        "/return_url", "origin_not_allowed", "must be on one of the origins that the operator has listed"
    )
