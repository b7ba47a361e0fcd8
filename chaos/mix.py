"""How many checkouts of each class a campaign has, drawn from a seed, so that it can be repeated.

A fault is aimed at one checkout by a marker in the customer's e-mail address, which every charge carries to
its gateway: the marker is known before the checkout is.
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Final

from chaos import journeys, misbehaviour
from chaos.misbehaviour import Draw, charge_fault
from chaos.scenario import FLUTTERWAVE, PAYSTACK, STRIPE, Fault, GivingBack, Scenario

MIX: Final[Sequence[tuple[float, Draw]]] = (
    (28, journeys.clean_card),
    (6, journeys.clean_page),
    (6, journeys.clean_mobile),
    (1.5, journeys.challenge),
    (0.5, journeys.challenge_without_keys),
    (2, journeys.manual),
    (1.5, journeys.manual_canceled),
    (3, misbehaviour.hard),
    (4, misbehaviour.soft),
    (2, misbehaviour.soft_everywhere),
    (5, charge_fault("timeout before", "timeout_before")),
    (5, charge_fault("timeout after", "timeout_after")),
    (2.8, misbehaviour.error_before),
    (0.2, misbehaviour.silent_failure),
    (3, charge_fault("error after", "error_after")),
    (2, charge_fault("reset before", "reset_before")),
    (2, charge_fault("reset after", "reset_after")),
    (2, charge_fault("rate limit", "rate_limit")),
    (2, charge_fault("unauthorized", "unauthorized")),
    (2, charge_fault("malformed", "malformed")),
    (2, misbehaviour.unauthorized_resend),
    (2, misbehaviour.stale_look_up),
    (2, misbehaviour.look_up_fails),
    (2, misbehaviour.no_gateway),
    (1.1, misbehaviour.webhook_only),
    (2, misbehaviour.no_webhook),
    (2, journeys.late_charge),
    (1, journeys.late_page),
    (1, journeys.late_prompt),
    (1, journeys.expires),
    (0.5, misbehaviour.wrong),
    (0.4, journeys.unresolved),
    (0.2, journeys.unresolvable),
    (2.3, journeys.cancel_race),
)
"""(weight in percent, how to draw one). 40 % are clean."""

NOTIFIED: Final = 0.3
"""Share of checkouts with an address for notifications."""
_GIVEN_BACK: Final = 0.15
"""Share of the checkouts of prompt classes that are refunded, if they are paid."""

_REFUND_FAULTS: Final = (
    *("timeout_before", "timeout_after", "error_before", "error_after"),
    *("reset_before", "reset_after", "malformed", "rate_limit"),
)


def draw(seed: int, number: int, *, mix: Sequence[tuple[float, Draw]] = MIX) -> list[Scenario]:
    """The campaign of this seed: as many scenarios, each with its overlays and its marker.

    Every class has its share, rounded; which checkout is of which class, and everything within a class, is
    chance.
    """
    rng = random.Random(seed)  # noqa: S311 - has to be repeatable, protects nothing
    kinds = _shares(rng, number, mix)
    rng.shuffle(kinds)
    drawn = _waiting_early(rng, [kind(rng) for kind in kinds])
    return [_overlaid(rng, each, f"chaos-{seed}-{index:05d}x") for index, each in enumerate(drawn)]


def _waiting_early(rng: random.Random, drawn: list[Scenario]) -> list[Scenario]:
    """So that a campaign does not end in waiting: no class that waits on purpose is in the last tenth, as far
    as there is room for them before."""
    border = len(drawn) * 9 // 10
    late = [index for index in range(border, len(drawn)) if drawn[index].unhurried]
    free = [index for index in range(border) if not drawn[index].unhurried]
    for here, there in zip(late, rng.sample(free, min(len(late), len(free))), strict=False):
        drawn[here], drawn[there] = drawn[there], drawn[here]
    return drawn


def _shares(rng: random.Random, number: int, mix: Sequence[tuple[float, Draw]]) -> list[Draw]:
    """So many of each that their sum is `number`; chance decides who gets the places that rounding leaves."""
    total = sum(weight for weight, _ in mix)
    exact = [number * weight / total for weight, _ in mix]
    whole = [int(share) for share in exact]
    left = [share - floor for share, floor in zip(exact, whole, strict=True)]
    for _ in range(number - sum(whole)):
        chosen = rng.choices(range(len(mix)), left)[0]
        whole[chosen] += 1
        left[chosen] = 0.0
    return [kind for count, (_, kind) in zip(whole, mix, strict=True) for _ in range(count)]


def _overlaid(rng: random.Random, scenario: Scenario, marker: str) -> Scenario:
    """Webhooks, POSTs and refunds misbehave across all classes."""
    faults = scenario.faults
    if rng.random() < 0.3:
        kind, seconds = rng.choice(
            (("duplicate", None), ("duplicate", None), ("reorder", 1.5), ("delay", 3.0))
        )
        faults = (*faults, Fault("*", "webhook", kind, count=3, seconds=seconds))
    giving_back = scenario.giving_back
    if not scenario.unhurried and giving_back is GivingBack.NONE and rng.random() < _GIVEN_BACK:
        giving_back = rng.choice((GivingBack.FULL, GivingBack.PARTS, GivingBack.RACE))
        if rng.random() < 0.5:
            faults = (*faults, *_refund_faults(rng.choice(_REFUND_FAULTS)))
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
        merchant=rng.randrange(2),
        notified=rng.random() < NOTIFIED or scenario.notified,
        giving_back=giving_back,
    )


def _refund_faults(kind: str) -> tuple[Fault, ...]:
    """Whichever gateway has the money. Of a failure that is kept under the key of a refund which never was
    Adyen tells nothing, and nobody can ask: there it is left out."""
    if kind != "error_before":
        return (Fault("*", "refund", kind),)
    return tuple(Fault(gateway, "refund", kind) for gateway in misbehaviour.ASKED)


def _repeated_webhooks(rng: random.Random) -> Scenario:
    faults = (Fault("*", "webhook", "duplicate", count=10),)
    return replace(journeys.clean_mobile(rng), kind="repeated webhooks", faults=faults)


def _refund_race(rng: random.Random) -> Scenario:
    return replace(journeys.clean_card(rng), kind="refund race", giving_back=GivingBack.RACE)


def _told(rng: random.Random) -> Scenario:
    return replace(journeys.clean_card(rng), notified=True)


NAMED: Final[Mapping[str, Draw]] = {
    "clean": journeys.clean_card,
    "told": _told,
    "timeout_after": charge_fault("timeout after", "timeout_after"),
    "stale_stripe": partial(misbehaviour.stale_look_up, at=(STRIPE,)),
    "stale_keyless": partial(misbehaviour.stale_look_up, at=(FLUTTERWAVE, PAYSTACK)),
    "resend_refused": misbehaviour.unauthorized_resend,
    "late_charge": journeys.late_charge,
    "late_prompt": journeys.late_prompt,
    "wrong": misbehaviour.wrong,
    "repeated_webhooks": _repeated_webhooks,
    "refund_race": _refund_race,
}
"""Classes that the self-test picks from."""
