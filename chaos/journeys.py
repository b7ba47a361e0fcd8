"""Classes of checkouts by what customers and applications do: pay, cancel, capture, come late, never come."""

import random
from typing import Final

from chaos.bodies import card, either, mobile, page
from chaos.scenario import FLUTTERWAVE, STRIPE, Command, Customer, Fault, Scenario

SLOW_CHARGE: Final = 11.0
"""Seconds after which a slow charge takes effect all the same: longer than the campaign's quiet period."""

_UNDECIDED: Final = "undecided at the gateway"


def clean_card(rng: random.Random) -> Scenario:
    return Scenario("clean card", card(rng, either(rng)))


def clean_page(rng: random.Random) -> Scenario:
    customer = rng.choice((Customer.PAYS, Customer.PAYS, Customer.FAILS_THEN_PAYS))
    return Scenario("clean page", page(rng, either(rng)), customer=customer)


def clean_mobile(rng: random.Random) -> Scenario:
    return Scenario("clean mobile money", mobile(rng))


def challenge(rng: random.Random) -> Scenario:
    token = "pm_card_threeDSecure2Required"
    return Scenario("3-D Secure", card(rng, STRIPE, stripe=token))


def manual(rng: random.Random) -> Scenario:
    """Flutterwave cannot authorize only, so only Stripe is in the plan."""
    command = rng.choice((Command.CAPTURE, Command.CAPTURE_PART))
    faults: tuple[Fault, ...] = ()
    if rng.random() < 0.5:
        faults = (Fault(STRIPE, "capture", rng.choice(("timeout_after", "timeout_before", "error_after"))),)
    return Scenario(
        "manual capture",
        card(rng, STRIPE, capture_method="manual"),
        faults,
        command=command,
        command_after=rng.uniform(0.0, 1.0),
    )


def manual_canceled(rng: random.Random) -> Scenario:
    faults = (Fault(STRIPE, "cancel", "timeout_after"),) if rng.random() < 0.5 else ()
    return Scenario(
        "authorized, canceled",
        card(rng, STRIPE, capture_method="manual"),
        faults,
        command=Command.CANCEL,
        command_after=rng.uniform(0.5, 1.5),
    )


def late_charge(rng: random.Random) -> Scenario:
    """The gateway takes the money long after everybody has stopped waiting; half of the refunds time out."""
    faults = [Fault(FLUTTERWAVE, "charge", "slow", seconds=SLOW_CHARGE)]
    if rng.random() < 0.5:
        faults.append(Fault(FLUTTERWAVE, "refund", rng.choice(("timeout_after", "error_before"))))
    return Scenario(
        "late success of a charge", card(rng, FLUTTERWAVE), tuple(faults), late=True, unhurried=True
    )


def late_page(rng: random.Random) -> Scenario:
    """The page cannot be closed, and the customer pays on it after the checkout has expired."""
    return Scenario(
        "late success of a page",
        page(rng, FLUTTERWAVE),
        (Fault(FLUTTERWAVE, "cancel", "error_before", count=50),),
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
    return Scenario("nobody pays", page(rng, either(rng)), customer=Customer.AWAY, unhurried=True)


def unresolved(rng: random.Random) -> Scenario:
    """Pending until well after it went to review."""
    return Scenario(
        _UNDECIDED,
        card(rng, FLUTTERWAVE, flutterwave="flw-t1nf-pending"),
        customer=Customer.LATE,
        unhurried=True,
    )


def unresolvable(rng: random.Random) -> Scenario:
    """Pending for ever."""
    return Scenario(
        _UNDECIDED,
        card(rng, FLUTTERWAVE, flutterwave="flw-t1nf-pending"),
        customer=Customer.AWAY,
        unhurried=True,
        may_stay=True,
    )


def cancel_race(rng: random.Random) -> Scenario:
    request = rng.choice((card(rng, either(rng)), page(rng, either(rng)), mobile(rng)))
    faults: tuple[Fault, ...] = ()
    if rng.random() < 0.4:
        lost = rng.choice(("timeout_after", "timeout_before", "reset_after"))
        faults = (Fault("*", "charge", lost),)
    return Scenario(
        "cancel race", request, faults, command=Command.CANCEL, command_after=rng.uniform(0.0, 0.6)
    )
