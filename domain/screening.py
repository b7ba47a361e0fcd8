"""What screening says of a checkout before anything is sent: a verdict, a score and the reasons."""

from enum import StrEnum
from typing import Final

from pydantic import BaseModel, ConfigDict


class Frozen(BaseModel):
    model_config = ConfigDict(frozen=True)


class Verdict(StrEnum):
    """What is done, from mild to strict."""

    ALLOW = "allow"
    CHALLENGE = "challenge"
    """The gateway is asked for strong customer authentication (3-D Secure)."""
    REVIEW = "review"
    """Nothing is sent until a person has decided, or the deadline has."""
    BLOCK = "block"
    """Nothing is sent: the checkout fails."""

    @property
    def stops(self) -> bool:
        return self in (Verdict.REVIEW, Verdict.BLOCK)


class ScreeningMode(StrEnum):
    ON = "on"
    DRY_RUN = "dry_run"
    """Verdicts are recorded, and nothing follows from them."""
    OFF = "off"


class ReviewDefault(StrEnum):
    """What becomes of a risk review that nobody has decided by its deadline."""

    DECLINE = "decline"
    APPROVE = "approve"


class Signal(StrEnum):
    """What speaks against a checkout, or for it."""

    BLOCKED = "blocked"
    """On the list of what is always refused."""
    ALLOWED = "allowed"
    """On the list of what is never stopped."""
    CARD_TRIES = "card_tries"
    EMAIL_TRIES = "email_tries"
    IP_TRIES = "ip_tries"
    EMAIL_CARDS = "email_cards"
    """Different cards under one e-mail address."""
    IP_CARDS = "ip_cards"
    """Different cards from one address."""
    CARD_DECLINES = "card_declines"
    EMAIL_DECLINES = "email_declines"
    IP_DECLINES = "ip_declines"
    BIN_DECLINES = "bin_declines"
    BIN_SMALL = "bin_small"
    """Small amounts on cards of one BIN."""
    MERCHANT_SMALL_DECLINES = "merchant_small_declines"
    """Small amounts of this merchant that were declined."""
    MERCHANT_DISPOSABLE = "merchant_disposable"
    """Throw-away mailboxes at this merchant."""
    MERCHANT_MISMATCH = "merchant_mismatch"
    """Checkouts of this merchant whose countries disagree."""
    PROBING = "probing"
    """A large amount after small ones by the same card or e-mail address."""
    AMOUNT_UNUSUAL = "amount_unusual"
    BIN_IP_COUNTRY = "bin_ip_country"
    BIN_BILLING_COUNTRY = "bin_billing_country"
    IP_BILLING_COUNTRY = "ip_billing_country"
    ADDRESS_TOR = "address_tor"
    ADDRESS_VPN = "address_vpn"
    ADDRESS_HOSTING = "address_hosting"
    ADDRESS_BOT = "address_bot"
    ADDRESS_UNROUTABLE = "address_unroutable"
    """Private, reserved or no address at all, where one was given."""
    EMAIL_DISPOSABLE = "email_disposable"
    CHALLENGE_UNAVAILABLE = "challenge_unavailable"
    """A challenge was called for, and no account that could take the payment can ask for one."""


class Reason(Frozen):
    """One signal that was seen. Nothing personal."""

    signal: Signal
    points: int
    value: float | None = None
    """What was counted or measured, where it is a number."""
    detail: str | None = None
    """The kind of list entry, the countries: what the number does not say."""


MOST: Final = 100
"""The highest score."""


class Assessment(Frozen):
    """The judgement, recorded with the checkout before anything is sent."""

    verdict: Verdict
    score: int
    """0 to 100, the sum of the reasons' points."""
    reasons: tuple[Reason, ...] = ()
    enforced: bool = True
    """False in a dry run: recorded, and nothing followed from it."""

    @property
    def action(self) -> Verdict:
        """What follows from it."""
        return self.verdict if self.enforced else Verdict.ALLOW


class ListKind(StrEnum):
    """What a list entry names."""

    BIN = "bin"
    IP = "ip"
    """One address or a range."""
    EMAIL = "email"
    DOMAIN = "domain"
    """An e-mail domain with all below it."""
    COUNTRY = "country"


class ListEffect(StrEnum):
    BLOCK = "block"
    ALLOW = "allow"
