"""Classes of checkouts in which a gateway says no, says nothing, or says something wrong."""

import random
from collections.abc import Callable
from typing import Final

from chaos.bodies import MARKETS, any_gateway, card, mobile, page
from chaos.scenario import ADYEN, FLUTTERWAVE, PAYSTACK, STRIPE, Fault, Scenario

Draw = Callable[[random.Random], Scenario]

_INVISIBLE: Final = 3.5
"""Seconds that a charge is under way unseen: longer than a call's time-out, shorter than the quiet period
that begins with its last send."""


ASKED: Final = (STRIPE, FLUTTERWAVE, PAYSTACK)
"""They can be asked what became of a card; Adyen tells by itself."""


def charge_fault(kind: str, *faults: str, at: tuple[str, ...] = tuple(MARKETS)) -> Draw:
    """One of `faults` befalls the first charge, at any gateway of `at`."""

    def draw(rng: random.Random) -> Scenario:
        first = rng.choice(at)
        return Scenario(kind, card(rng, first), (Fault(first, "charge", rng.choice(faults)),))

    return draw


error_before: Final = charge_fault("error before", "error_before", at=ASKED)


def silent_failure(rng: random.Random) -> Scenario:
    """Adyen keeps its failure under the key and tells of nothing, since nothing was done: nobody can know."""
    fault = Fault(ADYEN, "charge", "error_before")
    return Scenario("failure kept at Adyen", card(rng, ADYEN), (fault,), may_stay=True, unhurried=True)


def hard(rng: random.Random) -> Scenario:
    first = any_gateway(rng)
    return Scenario("hard decline", card(rng, first, {first: MARKETS[first].fraud}))


def soft(rng: random.Random) -> Scenario:
    first = any_gateway(rng)
    return Scenario("soft decline", card(rng, first, {first: MARKETS[first].poor}))


def soft_everywhere(rng: random.Random) -> Scenario:
    poor = {gateway: market.poor for gateway, market in MARKETS.items()}
    return Scenario("soft decline everywhere", card(rng, any_gateway(rng), poor))


def unauthorized_resend(rng: random.Random, *, at: tuple[str, ...] = (STRIPE, ADYEN)) -> Scenario:
    """The first send is slow, nothing is found yet, and the resend is refused at the door (G7, G8)."""
    first, refusal = rng.choice(at), rng.choice(("unauthorized", "rate_limit"))
    return Scenario(
        "resend refused",
        card(rng, first),
        (Fault(first, "charge", "slow", seconds=_INVISIBLE), Fault(first, "charge", refusal, count=3)),
    )


def stale_look_up(rng: random.Random, *, at: tuple[str, ...] = ASKED) -> Scenario:
    """Taken, the answer lost, and the first look-up does not see it yet (G14).

    Stripe's lists do not lag, so there it is the charge that is under way for a while.
    """
    first = rng.choice(at)
    if first == STRIPE:
        return Scenario(
            "stale look-up", card(rng, first), (Fault(first, "charge", "slow", seconds=_INVISIBLE),)
        )
    # One look-up is two requests at Flutterwave: by reference, and the list.
    requests = 2 if first == FLUTTERWAVE else 1
    return Scenario(
        "stale look-up",
        card(rng, first),
        (
            Fault(first, "charge", "timeout_after"),
            Fault(first, "lookup", "not_found_once", count=requests),
        ),
    )


def look_up_fails(rng: random.Random) -> Scenario:
    first = rng.choice(ASKED)
    broken = rng.choice(("error_before", "malformed", "reset_before"))
    return Scenario(
        "look-up fails",
        card(rng, first),
        (Fault(first, "charge", "reset_after"), Fault(first, "lookup", broken, count=3)),
    )


def wrong(rng: random.Random) -> Scenario:
    first = any_gateway(rng)
    fault = Fault(first, "charge", rng.choice(("wrong_amount", "wrong_currency")))
    return Scenario("wrong amount or currency", card(rng, first), (fault,), may_stay=True, unhurried=True)


def no_gateway(rng: random.Random) -> Scenario:
    fault = Fault("*", "charge", "rate_limit", count=200)
    return Scenario("no gateway takes it", card(rng, any_gateway(rng)), (fault,))


def webhook_only(rng: random.Random) -> Scenario:
    """Every poll fails for a while: the webhook brings the news."""
    first = rng.choice((FLUTTERWAVE, PAYSTACK))
    fault = Fault(first, "lookup", "error_before", count=2)
    return Scenario("webhook first", mobile(rng, first), (fault,))


def no_webhook(rng: random.Random) -> Scenario:
    first = rng.choice(ASKED)
    with_phone = first != STRIPE and rng.random() < 0.5
    request = mobile(rng, first) if with_phone else page(rng, first)
    return Scenario("no webhook", request, (Fault(first, "webhook", "drop", count=50),))
