"""Classes of checkouts in which a gateway says no, says nothing, or says something wrong."""

import random
from collections.abc import Callable
from typing import Final

from chaos.bodies import POOR, STOLEN, card, either, mobile, page
from chaos.scenario import FLUTTERWAVE, STRIPE, Fault, Scenario

Draw = Callable[[random.Random], Scenario]

_INVISIBLE: Final = 3.5
"""Seconds that a charge is under way unseen: longer than a call's time-out, shorter than the quiet period
that begins with its last send."""


def charge_fault(kind: str, *faults: str, seconds: float | None = None) -> Draw:
    """One of `faults` befalls the first charge, at either gateway."""

    def draw(rng: random.Random) -> Scenario:
        first = either(rng)
        fault = Fault(first, "charge", rng.choice(faults), seconds=seconds)
        return Scenario(kind, card(rng, first), (fault,))

    return draw


def hard(rng: random.Random) -> Scenario:
    return Scenario("hard decline", card(rng, STRIPE, stripe=STOLEN))


def soft(rng: random.Random) -> Scenario:
    first = either(rng)
    return Scenario("soft decline", card(rng, first, **_poor(first)))


def soft_everywhere(rng: random.Random) -> Scenario:
    return Scenario("soft decline everywhere", card(rng, either(rng), **_poor(STRIPE), **_poor(FLUTTERWAVE)))


def _poor(gateway: str) -> dict[str, str]:
    return {gateway: POOR if gateway == STRIPE else "flw-t1nf-insufficient-funds"}


def unauthorized_resend(rng: random.Random) -> Scenario:
    """The first send is slow, nothing is found yet, and the resend is refused at the door (G7, G8)."""
    refusal = rng.choice(("unauthorized", "rate_limit"))
    return Scenario(
        "resend refused",
        card(rng, STRIPE),
        (Fault(STRIPE, "charge", "slow", seconds=_INVISIBLE), Fault(STRIPE, "charge", refusal, count=3)),
    )


def stale_look_up(rng: random.Random) -> Scenario:
    """Taken, the answer lost, and the first look-up does not see it yet (G14).

    Stripe's lists do not lag, so there it is the charge that is under way for a while.
    """
    first = either(rng)
    if first == STRIPE:
        return Scenario(
            "stale look-up", card(rng, first), (Fault(first, "charge", "slow", seconds=_INVISIBLE),)
        )
    return Scenario(
        "stale look-up",
        card(rng, first),
        (
            Fault(first, "charge", "timeout_after"),
            # One look-up is two requests there: by reference, and the list.
            Fault(first, "lookup", "not_found_once", count=2),
        ),
    )


def look_up_fails(rng: random.Random) -> Scenario:
    first = either(rng)
    broken = rng.choice(("error_before", "malformed", "reset_before"))
    return Scenario(
        "look-up fails",
        card(rng, first),
        (Fault(first, "charge", "reset_after"), Fault(first, "lookup", broken, count=3)),
    )


def wrong(rng: random.Random) -> Scenario:
    first = either(rng)
    fault = Fault(first, "charge", rng.choice(("wrong_amount", "wrong_currency")))
    return Scenario("wrong amount or currency", card(rng, first), (fault,), may_stay=True, unhurried=True)


def no_gateway(rng: random.Random) -> Scenario:
    faults = tuple(Fault(gateway, "charge", "rate_limit", count=50) for gateway in (STRIPE, FLUTTERWAVE))
    return Scenario("no gateway takes it", card(rng, either(rng)), faults)


def webhook_only(rng: random.Random) -> Scenario:
    """Every poll fails for a while: the webhook brings the news."""
    return Scenario("webhook first", mobile(rng), (Fault(FLUTTERWAVE, "lookup", "error_before", count=2),))


def no_webhook(rng: random.Random) -> Scenario:
    request, gateway = (mobile(rng), FLUTTERWAVE) if rng.random() < 0.5 else (page(rng, STRIPE), STRIPE)
    return Scenario("no webhook", request, (Fault(gateway, "webhook", "drop", count=50),))
