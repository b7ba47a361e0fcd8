"""Bodies of `POST /v1/checkouts`: what applications ask for."""

import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from chaos.scenario import ADYEN, FLUTTERWAVE, PAYSTACK, STRIPE


@dataclass(frozen=True)
class Market:
    """Where a plan begins with a gateway, and the card tokens of its sandbox."""

    country: str
    currency: str
    pays: str
    poor: str
    """Declined for want of money: the next account may be asked."""
    fraud: str
    """Declined for good."""
    challenged: str | None = None
    """The customer has to authenticate first."""
    undecided: str | None = None
    """Pending until somebody acts at the gateway."""
    chosen: bool = False
    """The country map names another one before it: what is no card asks for it by name."""


MARKETS: Final[Mapping[str, Market]] = {
    STRIPE: Market(
        "US",
        "USD",
        pays="pm_card_visa",
        poor="pm_card_chargeDeclinedInsufficientFunds",
        fraud="pm_card_chargeDeclinedStolenCard",
        challenged="pm_card_threeDSecure2Required",
    ),
    FLUTTERWAVE: Market(
        "NG",
        "NGN",
        pays="flw-t1nf-success",
        poor="flw-t1nf-insufficient-funds",
        fraud="flw-t1nf-suspected-fraud",
        challenged="flw-t1nf-redirect",
        undecided="flw-t1nf-pending",
    ),
    PAYSTACK: Market(
        "NG",
        "NGN",
        pays="paystack-tok-success",
        poor="paystack-tok-insufficient-funds",
        fraud="paystack-tok-suspected-fraud",
        challenged="paystack-tok-redirect",
        undecided="paystack-tok-pending",
        chosen=True,
    ),
    ADYEN: Market(
        "NL",
        "EUR",
        pays="adyen-tok-success",
        poor="adyen-tok-insufficient-funds",
        fraud="adyen-tok-suspected-fraud",
        undecided="adyen-tok-pending",
    ),
}

_WALLETS: Final[Mapping[str, tuple[tuple[str, str, str, str], ...]]] = {
    FLUTTERWAVE: (("UG", "UGX", "+256772123456", "MTN"), ("KE", "KES", "+254712345678", "MPESA")),
    PAYSTACK: (("GH", "GHS", "+233241234567", "MTN"), ("KE", "KES", "+254712345678", "MPESA")),
}
"""Country, currency, phone, network."""


def card(
    rng: random.Random, first: str, tokens: Mapping[str, str] | None = None, **more: object
) -> dict[str, Any]:
    """A card that every gateway has a token of, whose plan begins with `first`. `tokens`: other ones."""
    market = MARKETS[first]
    held = {gateway: each.pays for gateway, each in MARKETS.items()} | dict(tokens or {})
    if market.chosen:  # those before it have no token, so that others can follow it
        held = {gateway: token for gateway, token in held.items() if not _before(gateway, first)}
    return {
        "amount": _amount(rng),
        "currency": market.currency,
        "customer": {"name": "A. Customer", "country": market.country},
        "payment_method": {"type": "card", "tokens": held},
        "allow_redirect": False,
        **more,
    }


def page(rng: random.Random, first: str) -> dict[str, Any]:
    market = MARKETS[first]
    return {
        "amount": _amount(rng),
        "currency": market.currency,
        "customer": {"name": "A. Customer", "country": market.country},
        **({"gateway": first} if market.chosen else {}),
    }


def mobile(rng: random.Random, first: str | None = None) -> dict[str, Any]:
    first = first or rng.choice(tuple(_WALLETS))
    country, currency, phone, network = rng.choice(_WALLETS[first])
    return {
        "amount": _amount(rng),
        "currency": currency,
        "customer": {"name": "A. Customer", "country": country, "phone": phone},
        "payment_method": {"type": "mobile_money", "phone": phone, "network": network},
        **({"gateway": first} if MARKETS[first].chosen else {}),
    }


def any_gateway(rng: random.Random) -> str:
    return rng.choice(tuple(MARKETS))


def _before(gateway: str, first: str) -> bool:
    here, there = MARKETS[gateway], MARKETS[first]
    return gateway != first and (here.country, here.chosen) == (there.country, False)


def _amount(rng: random.Random) -> int:
    return rng.randrange(50_000, 900_000)
