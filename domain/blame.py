"""Whose fault a decline is: what counts against an account, and what does not."""

from enum import StrEnum
from typing import Final

from domain.decline import Decline, DeclineCode


class Blame(StrEnum):
    """Who could have prevented a decline."""

    CUSTOMER = "customer"
    """The payer or the payer's card: no account could have taken the money."""
    ISSUER = "issuer"
    """The payer's bank, or its rules."""
    ACCOUNT = "account"
    """The gateway, or our set-up at it."""
    NOBODY = "nobody"
    """The gateway does not say. One such decline says nothing; that one account has more of them than another
    does, over many checkouts, says something about the accounts."""


_BLAME: Final = {
    Blame.CUSTOMER: {
        DeclineCode.AUTHENTICATION_FAILED,
        DeclineCode.AUTHENTICATION_REQUIRED,
        DeclineCode.CARD_LOST_OR_STOLEN,
        DeclineCode.CUSTOMER_ABANDONED,
        DeclineCode.EXPIRED_CARD,
        DeclineCode.INSUFFICIENT_FUNDS,
        DeclineCode.INVALID_CVC,
        DeclineCode.INVALID_EXPIRY,
        DeclineCode.INVALID_NUMBER,
        DeclineCode.INVALID_PHONE,
        DeclineCode.INVALID_PIN,
        DeclineCode.INVALID_TOKEN,
    },
    Blame.ISSUER: {
        DeclineCode.AMOUNT_LIMIT_EXCEEDED,
        DeclineCode.CARD_RESTRICTED,
        DeclineCode.DO_NOT_HONOR,
        DeclineCode.DUPLICATE_TRANSACTION,
        DeclineCode.INVALID_ACCOUNT,
        DeclineCode.ISSUER_UNAVAILABLE,
        DeclineCode.SUSPECTED_FRAUD,
        DeclineCode.TRANSACTION_NOT_PERMITTED,
        DeclineCode.VELOCITY_EXCEEDED,
    },
    Blame.ACCOUNT: {
        DeclineCode.BLOCKED_BY_RULE,
        DeclineCode.CARD_NOT_SUPPORTED,
        DeclineCode.CURRENCY_NOT_SUPPORTED,
        DeclineCode.GATEWAY_UNAVAILABLE,
        DeclineCode.INVALID_AMOUNT,
        DeclineCode.MERCHANT_CONFIGURATION,
        DeclineCode.NO_ELIGIBLE_GATEWAY,
        DeclineCode.PROCESSING_ERROR,
        DeclineCode.START_EXPIRED,
    },
    Blame.NOBODY: {DeclineCode.GENERIC_DECLINE},
}

BY_CODE: Final = {code: blame for blame, codes in _BLAME.items() for code in codes}
"""Every decline code -> whose fault it is."""


def blame(decline: Decline) -> Blame:
    return BY_CODE[decline.code]
