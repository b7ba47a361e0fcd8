"""What operators can search runs by in the Temporal web UI. Ids and codes only: these are not encrypted."""

from collections.abc import Mapping
from typing import Any, Final

from temporalio.common import SearchAttributeKey, SearchAttributePair, TypedSearchAttributes

STATUS: Final = SearchAttributeKey.for_keyword("CheckoutStatus")
GATEWAY: Final = SearchAttributeKey.for_keyword("Gateway")
ACCOUNT: Final = SearchAttributeKey.for_keyword("Account")
COUNTRY: Final = SearchAttributeKey.for_keyword("Country")
CURRENCY: Final = SearchAttributeKey.for_keyword("Currency")
MERCHANT: Final = SearchAttributeKey.for_keyword("Merchant")
AMOUNT: Final = SearchAttributeKey.for_int("Amount")

ALL: Final[tuple[SearchAttributeKey[Any], ...]] = (
    STATUS,
    GATEWAY,
    ACCOUNT,
    COUNTRY,
    CURRENCY,
    MERCHANT,
    AMOUNT,
)


def at_start(*, merchant_id: str, amount: int, currency: str) -> TypedSearchAttributes:
    """What is known when a checkout's run starts."""
    return TypedSearchAttributes(
        [
            SearchAttributePair(STATUS, "processing"),
            SearchAttributePair(MERCHANT, merchant_id),
            SearchAttributePair(AMOUNT, amount),
            SearchAttributePair(CURRENCY, currency),
        ]
    )


NAMES: Final[Mapping[str, str]] = {key.name: key.indexed_value_type.name for key in ALL}
"""Name -> Temporal's name of the type, for registering them."""
