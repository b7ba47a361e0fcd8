"""What is asked for, what goes wrong, what the customer does: drawn from a seed, so that it can be repeated.

A fault is aimed at one checkout by a marker in the customer's e-mail address, which every charge carries to
its gateway: the marker is known before the checkout is.
"""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Final

Json = Mapping[str, Any]

STRIPE: Final = "stripe"
FLUTTERWAVE: Final = "flutterwave"

SLOW_CHARGE: Final = 11.0
"""Seconds after which a slow charge takes effect all the same: longer than the campaign's quiet period."""

_INVISIBLE: Final = 3.5
"""Seconds that a charge is under way unseen: longer than a call's time-out, shorter than the quiet period
that begins with its last send."""


class Customer(StrEnum):
    """What the customer does once there is something to do."""

    PAYS = "pays"
    FAILS_THEN_PAYS = "fails_then_pays"
    AWAY = "away"
    """Never acts."""
    LATE = "late"
    """Acts once the checkout is final or in review."""


class Command(StrEnum):
    NONE = "none"
    CANCEL = "cancel"
    CAPTURE = "capture"
    CAPTURE_PART = "capture_part"


@dataclass(frozen=True)
class Fault:
    gateway: str
    operation: str
    fault: str
    count: int = 1
    seconds: float | None = None

    def body(self, marker: str) -> dict[str, Any]:
        """For the sandbox's `POST /_/faults`."""
        body: dict[str, Any] = {
            "gateway": self.gateway,
            "operation": self.operation,
            "fault": self.fault,
            "count": self.count,
            "marker": marker,
        }
        return body if self.seconds is None else body | {"seconds": self.seconds}


@dataclass(frozen=True)
class Scenario:
    """One checkout of a campaign."""

    kind: str
    """Class in the report."""
    request: Json
    """Body of `POST /v1/checkouts`."""
    faults: tuple[Fault, ...] = ()
    customer: Customer = Customer.PAYS
    command: Command = Command.NONE
    command_after: float = 0.0
    """Seconds from the first answer to the command."""
    duplicates: int = 0
    """So many more equal POSTs at the same time."""
    mutated: bool = False
    """One more POST under the same key with another amount."""
    unhurried: bool = False
    """Its class waits on purpose (for a customer, a late gateway, a review): its time is reported apart."""
    may_stay: bool = False
    """Nobody can resolve it but a person: it may end in review."""
    late: bool = False
    """The gateway takes money after the checkout has left it: two captures, one given back."""
    marker: str = ""


_STOLEN: Final = "pm_card_chargeDeclinedStolenCard"
_POOR: Final = "pm_card_chargeDeclinedInsufficientFunds"
_SAVED: Final = "flw-t1nf-success"
_VISA: Final = "pm_card_visa"

Draw = Callable[[random.Random], Scenario]


def _card(
    rng: random.Random,
    first: str,
    *,
    stripe: str | None = _VISA,
    flutterwave: str | None = _SAVED,
    **more: object,
) -> dict[str, Any]:
    """A card whose plan begins with `first`; without a token for the other one, it is the only one."""
    country, currency = ("US", "USD") if first == STRIPE else ("NG", "NGN")
    tokens = {STRIPE: stripe, FLUTTERWAVE: flutterwave}
    return {
        "amount": rng.randrange(50_000, 900_000),
        "currency": currency,
        "customer": {"name": "A. Customer", "country": country},
        "payment_method": {
            "type": "card",
            "tokens": {gateway: token for gateway, token in tokens.items() if token is not None},
        },
        "allow_redirect": False,
        **more,
    }


def _page(rng: random.Random, first: str) -> dict[str, Any]:
    country, currency = ("DE", "EUR") if first == STRIPE else ("NG", "NGN")
    return {
        "amount": rng.randrange(50_000, 900_000),
        "currency": currency,
        "customer": {"name": "A. Customer", "country": country},
    }


def _mobile(rng: random.Random) -> dict[str, Any]:
    country, currency, phone, network = rng.choice(
        (("UG", "UGX", "+256772123456", "MTN"), ("KE", "KES", "+254712345678", "MPESA"))
    )
    return {
        "amount": rng.randrange(50_000, 900_000),
        "currency": currency,
        "customer": {"name": "A. Customer", "country": country, "phone": phone},
        "payment_method": {"type": "mobile_money", "phone": phone, "network": network},
    }


def _either(rng: random.Random) -> str:
    return rng.choice((STRIPE, FLUTTERWAVE))


def _charge_fault(kind: str, *faults: str, seconds: float | None = None) -> Draw:
    """One of `faults` befalls the first charge, at either gateway."""

    def draw(rng: random.Random) -> Scenario:
        first = _either(rng)
        fault = Fault(first, "charge", rng.choice(faults), seconds=seconds)
        return Scenario(kind, _card(rng, first), (fault,))

    return draw


def _clean_card(rng: random.Random) -> Scenario:
    return Scenario("clean card", _card(rng, _either(rng)))


def _clean_page(rng: random.Random) -> Scenario:
    customer = rng.choice((Customer.PAYS, Customer.PAYS, Customer.FAILS_THEN_PAYS))
    return Scenario("clean page", _page(rng, _either(rng)), customer=customer)


def _clean_mobile(rng: random.Random) -> Scenario:
    return Scenario("clean mobile money", _mobile(rng))


def _challenge(rng: random.Random) -> Scenario:
    token = "pm_card_threeDSecure2Required"
    return Scenario("3-D Secure", _card(rng, STRIPE, stripe=token))


def _manual(rng: random.Random) -> Scenario:
    """Flutterwave cannot authorize only, so only Stripe is in the plan."""
    command = rng.choice((Command.CAPTURE, Command.CAPTURE_PART))
    faults: tuple[Fault, ...] = ()
    if rng.random() < 0.5:
        faults = (Fault(STRIPE, "capture", rng.choice(("timeout_after", "timeout_before", "error_after"))),)
    return Scenario(
        "manual capture",
        _card(rng, STRIPE, capture_method="manual"),
        faults,
        command=command,
        command_after=rng.uniform(0.0, 1.0),
    )


def _manual_canceled(rng: random.Random) -> Scenario:
    faults = (Fault(STRIPE, "cancel", "timeout_after"),) if rng.random() < 0.5 else ()
    return Scenario(
        "authorized, canceled",
        _card(rng, STRIPE, capture_method="manual"),
        faults,
        command=Command.CANCEL,
        command_after=rng.uniform(0.5, 1.5),
    )


def _hard(rng: random.Random) -> Scenario:
    return Scenario("hard decline", _card(rng, STRIPE, stripe=_STOLEN))


def _soft(rng: random.Random) -> Scenario:
    first = _either(rng)
    return Scenario("soft decline", _card(rng, first, **_poor(first)))


def _soft_everywhere(rng: random.Random) -> Scenario:
    return Scenario(
        "soft decline everywhere", _card(rng, _either(rng), **_poor(STRIPE), **_poor(FLUTTERWAVE))
    )


def _poor(gateway: str) -> dict[str, str]:
    return {gateway: _POOR if gateway == STRIPE else "flw-t1nf-insufficient-funds"}


def _unauthorized_resend(rng: random.Random) -> Scenario:
    """The first send is slow, nothing is found yet, and the resend is refused at the door (G7, G8)."""
    refusal = rng.choice(("unauthorized", "rate_limit"))
    return Scenario(
        "resend refused",
        _card(rng, STRIPE),
        (Fault(STRIPE, "charge", "slow", seconds=_INVISIBLE), Fault(STRIPE, "charge", refusal, count=3)),
    )


def _stale_look_up(rng: random.Random) -> Scenario:
    """Taken, the answer lost, and the first look-up does not see it yet (G14).

    Stripe's lists do not lag, so there it is the charge that is under way for a while.
    """
    first = _either(rng)
    if first == STRIPE:
        return Scenario(
            "stale look-up", _card(rng, first), (Fault(first, "charge", "slow", seconds=_INVISIBLE),)
        )
    return Scenario(
        "stale look-up",
        _card(rng, first),
        (
            Fault(first, "charge", "timeout_after"),
            # One look-up is two requests there: by reference, and the list.
            Fault(first, "lookup", "not_found_once", count=2),
        ),
    )


def _look_up_fails(rng: random.Random) -> Scenario:
    first = _either(rng)
    broken = rng.choice(("error_before", "malformed", "reset_before"))
    return Scenario(
        "look-up fails",
        _card(rng, first),
        (Fault(first, "charge", "reset_after"), Fault(first, "lookup", broken, count=3)),
    )


def _wrong(rng: random.Random) -> Scenario:
    first = _either(rng)
    fault = Fault(first, "charge", rng.choice(("wrong_amount", "wrong_currency")))
    return Scenario("wrong amount or currency", _card(rng, first), (fault,), may_stay=True, unhurried=True)


def _no_gateway(rng: random.Random) -> Scenario:
    faults = tuple(Fault(gateway, "charge", "rate_limit", count=50) for gateway in (STRIPE, FLUTTERWAVE))
    return Scenario("no gateway takes it", _card(rng, _either(rng)), faults)


def _webhook_only(rng: random.Random) -> Scenario:
    """Every poll fails for a while: the webhook brings the news."""
    return Scenario("webhook first", _mobile(rng), (Fault(FLUTTERWAVE, "lookup", "error_before", count=2),))


def _no_webhook(rng: random.Random) -> Scenario:
    request, gateway = (_mobile(rng), FLUTTERWAVE) if rng.random() < 0.5 else (_page(rng, STRIPE), STRIPE)
    return Scenario("no webhook", request, (Fault(gateway, "webhook", "drop", count=50),))


def _late_charge(rng: random.Random) -> Scenario:
    """The gateway takes the money long after everybody has stopped waiting; half of the refunds time out."""
    faults = [Fault(FLUTTERWAVE, "charge", "slow", seconds=SLOW_CHARGE)]
    if rng.random() < 0.5:
        faults.append(Fault(FLUTTERWAVE, "refund", rng.choice(("timeout_after", "error_before"))))
    return Scenario(
        "late success of a charge", _card(rng, FLUTTERWAVE), tuple(faults), late=True, unhurried=True
    )


def _late_page(rng: random.Random) -> Scenario:
    """The page cannot be closed, and the customer pays on it after the checkout has expired."""
    return Scenario(
        "late success of a page",
        _page(rng, FLUTTERWAVE),
        (Fault(FLUTTERWAVE, "cancel", "error_before", count=50),),
        customer=Customer.LATE,
        late=True,
        unhurried=True,
    )


def _late_prompt(rng: random.Random) -> Scenario:
    """The customer agrees on the phone after the checkout has expired."""
    return Scenario(
        "late success of a prompt", _mobile(rng), customer=Customer.LATE, late=True, unhurried=True
    )


def _expires(rng: random.Random) -> Scenario:
    return Scenario("nobody pays", _page(rng, _either(rng)), customer=Customer.AWAY, unhurried=True)


def _unresolved(rng: random.Random) -> Scenario:
    """Pending for ever, or until well after it went to review."""
    resolves = rng.random() < 0.5
    return Scenario(
        "undecided at the gateway",
        _card(rng, FLUTTERWAVE, flutterwave="flw-t1nf-pending"),
        customer=Customer.LATE if resolves else Customer.AWAY,
        unhurried=True,
        may_stay=not resolves,
    )


def _cancel_race(rng: random.Random) -> Scenario:
    request = rng.choice((_card(rng, _either(rng)), _page(rng, _either(rng)), _mobile(rng)))
    faults: tuple[Fault, ...] = ()
    if rng.random() < 0.4:
        lost = rng.choice(("timeout_after", "timeout_before", "reset_after"))
        faults = (Fault("*", "charge", lost),)
    return Scenario(
        "cancel race", request, faults, command=Command.CANCEL, command_after=rng.uniform(0.0, 0.6)
    )


MIX: Final[Sequence[tuple[float, Draw]]] = (
    (28, _clean_card),
    (6, _clean_page),
    (6, _clean_mobile),
    (2, _challenge),
    (2, _manual),
    (1.5, _manual_canceled),
    (3, _hard),
    (4, _soft),
    (2, _soft_everywhere),
    (5, _charge_fault("timeout before", "timeout_before")),
    (5, _charge_fault("timeout after", "timeout_after")),
    (3, _charge_fault("error before", "error_before")),
    (3, _charge_fault("error after", "error_after")),
    (2, _charge_fault("reset before", "reset_before")),
    (2, _charge_fault("reset after", "reset_after")),
    (2, _charge_fault("rate limit", "rate_limit")),
    (2, _charge_fault("unauthorized", "unauthorized")),
    (2, _charge_fault("malformed", "malformed")),
    (2, _unauthorized_resend),
    (2, _stale_look_up),
    (2, _look_up_fails),
    (2, _no_gateway),
    (1, _webhook_only),
    (2, _no_webhook),
    (2, _late_charge),
    (1, _late_page),
    (1, _late_prompt),
    (1, _expires),
    (0.6, _wrong),
    (0.6, _unresolved),
    (2.3, _cancel_race),
)
"""(weight in percent, how to draw one). 40 % are clean."""


def draw(seed: int, number: int, *, mix: Sequence[tuple[float, Draw]] = MIX) -> list[Scenario]:
    """The campaign of this seed: as many scenarios, each with its overlays and its marker."""
    rng = random.Random(seed)  # noqa: S311 - has to be repeatable, protects nothing
    weights = [weight for weight, _ in mix]
    drawn = []
    for index in range(number):
        scenario = rng.choices(mix, weights)[0][1](rng)
        drawn.append(_overlaid(rng, scenario, f"chaos-{seed}-{index:05d}x"))
    return drawn


def _overlaid(rng: random.Random, scenario: Scenario, marker: str) -> Scenario:
    """Webhooks and POSTs misbehave across all classes."""
    faults = scenario.faults
    if rng.random() < 0.3:
        kind, seconds = rng.choice(
            (("duplicate", None), ("duplicate", None), ("reorder", 1.5), ("delay", 3.0))
        )
        faults = (*faults, Fault("*", "webhook", kind, count=3, seconds=seconds))
    request = {
        **scenario.request,
        "customer": {**scenario.request["customer"], "email": f"{marker}@example.com"},
        "reference": marker,
        "return_url": "https://shop.example/return",
    }
    return replace(
        scenario,
        request=request,
        faults=faults,
        marker=marker,
        duplicates=rng.choice((1, 3, 19)) if rng.random() < 0.08 else 0,
        mutated=rng.random() < 0.05,
    )


def _stale_at(gateway: str) -> Draw:
    def draw_one(rng: random.Random) -> Scenario:
        while True:
            scenario = _stale_look_up(rng)
            if scenario.faults[0].gateway == gateway:
                return scenario

    return draw_one


def _repeated_webhooks(rng: random.Random) -> Scenario:
    return Scenario("repeated webhooks", _mobile(rng), (Fault("*", "webhook", "duplicate", count=10),))


NAMED: Final[Mapping[str, Draw]] = {
    "clean": _clean_card,
    "timeout_after": _charge_fault("timeout after", "timeout_after"),
    "stale_stripe": _stale_at(STRIPE),
    "stale_flutterwave": _stale_at(FLUTTERWAVE),
    "resend_refused": _unauthorized_resend,
    "late_charge": _late_charge,
    "late_prompt": _late_prompt,
    "wrong": _wrong,
    "repeated_webhooks": _repeated_webhooks,
}
"""Classes that the self-test picks from."""
