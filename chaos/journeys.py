"""Classes of checkouts by what customers and applications do: pay, cancel, capture, come late, never come."""

import random
from typing import Any, Final

from chaos.bodies import MARKETS, any_gateway, card, mobile, page
from chaos.scenario import ADYEN, FLUTTERWAVE, PAYSTACK, STRIPE, Command, Customer, Fault, Scenario

SLOW_CHARGE: Final = 11.0
"""Seconds after which a slow charge takes effect all the same: longer than the campaign's quiet period."""

_UNDECIDED: Final = "undecided at the gateway"
_HOLDING: Final = (STRIPE, ADYEN)
"""They can authorize only; the others capture at once."""
_KEYLESS: Final = (FLUTTERWAVE, PAYSTACK)
"""What they were sent once is never sent again, so that they can be left too early."""


def clean_card(rng: random.Random) -> Scenario:
    return Scenario("clean card", card(rng, any_gateway(rng)))


def clean_page(rng: random.Random) -> Scenario:
    customer = rng.choice((Customer.PAYS, Customer.PAYS, Customer.FAILS_THEN_PAYS))
    return Scenario("clean page", page(rng, any_gateway(rng)), customer=customer)


def clean_mobile(rng: random.Random) -> Scenario:
    return Scenario("clean mobile money", mobile(rng))


def challenge(rng: random.Random) -> Scenario:
    return Scenario("3-D Secure", _challenged(rng, STRIPE))


def challenge_without_keys(rng: random.Random) -> Scenario:
    """Where a kill loses the answer with the link, nothing brings the link back: the customer cannot go on,
    and the gateway never decides."""
    return Scenario("3-D Secure without keys", _challenged(rng, rng.choice(_KEYLESS)), may_stay=True)


def _challenged(rng: random.Random, first: str) -> dict[str, Any]:
    token = MARKETS[first].challenged
    assert token is not None  # noqa: S101 - they have one
    return card(rng, first, {first: token})


def manual(rng: random.Random) -> Scenario:
    first = rng.choice(_HOLDING)
    command = rng.choice((Command.CAPTURE, Command.CAPTURE_PART))
    faults: tuple[Fault, ...] = ()
    if rng.random() < 0.5:
        faults = (Fault(first, "capture", rng.choice(("timeout_after", "timeout_before", "error_after"))),)
    return Scenario(
        "manual capture",
        card(rng, first, capture_method="manual"),
        faults,
        command=command,
        command_after=rng.uniform(0.0, 1.0),
    )


def manual_canceled(rng: random.Random) -> Scenario:
    first = rng.choice(_HOLDING)
    faults = (Fault(first, "cancel", "timeout_after"),) if rng.random() < 0.5 else ()
    return Scenario(
        "authorized, canceled",
        card(rng, first, capture_method="manual"),
        faults,
        command=Command.CANCEL,
        command_after=rng.uniform(0.5, 1.5),
    )


def late_charge(rng: random.Random) -> Scenario:
    """The gateway takes the money long after everybody has stopped waiting; half of the refunds time out."""
    first = rng.choice(_KEYLESS)
    faults = [Fault(first, "charge", "slow", seconds=SLOW_CHARGE)]
    if rng.random() < 0.5:
        faults.append(Fault(first, "refund", rng.choice(("timeout_after", "error_before"))))
    return Scenario("late success of a charge", card(rng, first), tuple(faults), late=True, unhurried=True)


def late_page(rng: random.Random) -> Scenario:
    """The page cannot be closed, and the customer pays on it after the checkout has expired."""
    first = rng.choice((*_KEYLESS, ADYEN))
    return Scenario(
        "late success of a page",
        page(rng, first),
        (Fault(first, "cancel", "error_before", count=50),),
        customer=Customer.LATE,
        late=True,
        unhurried=True,
    )


def late_prompt(rng: random.Random) -> Scenario:
    """The customer agrees on the phone after the checkout has expired."""
    return Scenario(
        "late success of a prompt", mobile(rng), customer=Customer.LATE, late=True, unhurried=True
    )


def expires(rng: random.Random) -> Scenario:
    return Scenario("nobody pays", page(rng, any_gateway(rng)), customer=Customer.AWAY, unhurried=True)


def unresolved(rng: random.Random) -> Scenario:
    """Pending until well after it went to review."""
    return Scenario(_UNDECIDED, _undecided(rng), customer=Customer.LATE, unhurried=True)


def unresolvable(rng: random.Random) -> Scenario:
    """Pending for ever."""
    return Scenario(_UNDECIDED, _undecided(rng), customer=Customer.AWAY, unhurried=True, may_stay=True)


def _undecided(rng: random.Random) -> dict[str, Any]:
    first, token = rng.choice(
        [(gateway, market.undecided) for gateway, market in MARKETS.items() if market.undecided]
    )
    return card(rng, first, {first: token})


def cancel_race(rng: random.Random) -> Scenario:
    first = any_gateway(rng)
    request = rng.choice((card(rng, first), page(rng, first), mobile(rng)))
    faults: tuple[Fault, ...] = ()
    if rng.random() < 0.4:
        # A canceled charge is not sent again, and of one that never arrived Adyen can tell nothing.
        lost = ("timeout_after", "reset_after") if first == ADYEN else ("timeout_after", "timeout_before")
        faults = (Fault("*", "charge", rng.choice(lost)),)
    return Scenario(
        "cancel race", request, faults, command=Command.CANCEL, command_after=rng.uniform(0.0, 0.6)
    )
