"""Stripe's test payment methods and what becomes of them. Source: https://docs.stripe.com/testing

The documentation spells most decline tokens with and without the brand (`pm_card_visa_chargeDeclined`,
`pm_card_chargeDeclined`); both are known here. Disputes are not simulated: those cards are simply charged.
"""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final


@dataclass(frozen=True)
class CardDecline:
    """An issuer's no, in Stripe's words. `decline_code` None: documented as not applicable."""

    code: str
    decline_code: str | None
    message: str
    network_decline_code: str | None = None
    blocked: bool = False
    """Radar's no: the issuer was never asked."""


class Challenge(StrEnum):
    """When 3-D Secure is demanded."""

    NEVER = "never"
    ON_REQUEST = "on_request"
    ON_SESSION = "on_session"
    """Off-session charges pass: the card has been set up for them."""
    ALWAYS = "always"


@dataclass(frozen=True)
class TestCard:
    brand: str = "visa"
    last4: str = "4242"
    country: str = "US"
    funding: str = "credit"
    challenge: Challenge = Challenge.NEVER
    decline: CardDecline | None = None
    """What the issuer answers, after a challenge where there is one."""
    refund: str = "succeeded"
    """How its refunds go: `succeeded`, `pending` (then succeeded), `failed` (after succeeding at first)."""


def _declined(decline_code: str, network: str | None) -> CardDecline:
    return CardDecline("card_declined", decline_code, "Your card was declined.", network)


_GENERIC: Final = _declined("generic_decline", "01")
_FUNDS: Final = CardDecline("card_declined", "insufficient_funds", "Your card has insufficient funds.", "51")
_PROCESSING: Final = CardDecline(
    "processing_error", None, "An error occurred while processing your card. Try again in a little bit."
)
_BLOCKED: Final = CardDecline("card_declined", "fraudulent", "Your card was declined.", blocked=True)
AUTHENTICATION_REQUIRED: Final = CardDecline(
    "authentication_required",
    "authentication_required",
    "Your card was declined. This transaction requires authentication.",
)

_DECLINES: Final = {
    "chargeDeclined": TestCard(last4="0002", decline=_GENERIC),
    "chargeDeclinedInsufficientFunds": TestCard(last4="9995", decline=_FUNDS),
    "chargeDeclinedLostCard": TestCard(last4="9987", decline=_declined("lost_card", "41")),
    "chargeDeclinedStolenCard": TestCard(last4="9979", decline=_declined("stolen_card", "43")),
    "chargeDeclinedFraudulent": TestCard(last4="0019", decline=_BLOCKED),
    "chargeDeclinedExpiredCard": TestCard(
        last4="0069", decline=CardDecline("expired_card", None, "Your card has expired.", "54")
    ),
    "chargeDeclinedIncorrectCvc": TestCard(
        last4="0127",
        decline=CardDecline("incorrect_cvc", None, "Your card's security code is incorrect.", "82"),
    ),
    "chargeDeclinedProcessingError": TestCard(last4="0119", decline=_PROCESSING),
    "chargeDeclinedVelocityLimitExceeded": TestCard(
        last4="6975",
        decline=CardDecline(
            "card_declined",
            "card_velocity_exceeded",
            "Your card was declined for making repeated attempts too frequently.",
        ),
    ),
    "chargeCustomerFail": TestCard(last4="0341", decline=_GENERIC),
}

_OTHERS: Final = {
    "visa": TestCard(),
    "visa_debit": TestCard(last4="5556", funding="debit"),
    "mastercard": TestCard("mastercard", "4444"),
    "mastercard_debit": TestCard("mastercard", "8210", funding="debit"),
    "mastercard_prepaid": TestCard("mastercard", "5100", funding="prepaid"),
    "amex": TestCard("amex", "8431"),
    "discover": TestCard("discover", "9424"),
    "diners": TestCard("diners", "0004"),
    "jcb": TestCard("jcb", "0505", "JP"),
    "unionpay": TestCard("unionpay", "0005", "CN"),
    "radarBlock": TestCard(last4="0019", decline=_BLOCKED),
    "riskLevelElevated": TestCard(last4="9235"),
    "riskLevelHighest": TestCard(last4="4954"),
    "threeDSecure2Required": TestCard(last4="3220", country="IE", challenge=Challenge.ALWAYS),
    "threeDSecureRequired": TestCard(last4="3063", challenge=Challenge.ALWAYS),
    "threeDSecureRequiredChargeDeclined": TestCard(
        last4="1629", challenge=Challenge.ALWAYS, decline=_GENERIC
    ),
    "threeDSecureRequiredProcessingError": TestCard(last4="1280", decline=_GENERIC),
    "threeDSecureOptional": TestCard(last4="3055", challenge=Challenge.ON_REQUEST),
    "threeDSecureOptionalProcessingError": TestCard(last4="3097"),
    "amex_threeDSecureNotSupported": TestCard("amex", "0005"),
    "authenticationRequired": TestCard(last4="3184", challenge=Challenge.ALWAYS),
    "authenticationRequiredOnSetup": TestCard(last4="3155", challenge=Challenge.ALWAYS),
    "authenticationRequiredSetupForOffSession": TestCard(last4="3246", challenge=Challenge.ON_SESSION),
    "authenticationRequiredChargeDeclinedInsufficientFunds": TestCard(
        last4="8260", challenge=Challenge.ALWAYS, decline=replace(_FUNDS)
    ),
    "pendingRefund": TestCard(last4="7726", refund="pending"),
    "refundFail": TestCard(last4="5126", refund="failed"),
    **dict.fromkeys(
        (
            "bypassPending",
            "bypassPendingInternational",
            "domesticPricing",
            "avsFail",
            "avsLine1Fail",
            "avsZipFail",
            "avsUnchecked",
            "cvcCheckFail",
            "createDispute",
            "createDisputeProductNotReceived",
            "createDisputeInquiry",
        ),
        TestCard(last4="0000"),
    ),
}

_COUNTRIES: Final = (
    "us ar br ca cl co cr ec mx pa py pe uy ae at be bg by hr cy cz dk ee fi fr de gi gr hu ie it lv li lt "
    "lu mt nl no pl pt ro sa si sk es se ch gb au cn hk in jp my nz sg tw"
)

CARDS: Final[dict[str, TestCard]] = {
    **{f"pm_card_{name}": card for name, card in (_DECLINES | _OTHERS).items()},
    **{f"pm_card_visa_{name}": card for name, card in _DECLINES.items()},
    **{f"pm_card_{country}": TestCard(country=country.upper()) for country in _COUNTRIES.split()},
    "pm_card_gb_debit": TestCard(country="GB", funding="debit"),
    "pm_card_th_credit": TestCard(country="TH"),
    "pm_card_th_debit": TestCard(country="TH", funding="debit"),
}
"""Test payment method -> card."""
