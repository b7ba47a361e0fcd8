"""The account's own list of payments: every PaymentIntent, whoever made it.

A page that nobody has paid has no PaymentIntent, so it is not in this list, and holds no money.
https://docs.stripe.com/api/payment_intents/list
"""

import math
from datetime import datetime
from typing import Final

import stripe

from domain.outcome import Unknown
from gateways.base import ListedPayment, PaymentPage, PaymentPageAnswer
from gateways.stripe_client import Refused, StripeWire, ask
from gateways.stripe_objects import Page, PaymentIntent, intent_payment

_PER_PAGE: Final = 100
"""Stripe's maximum."""


async def list_payments(
    wire: StripeWire, since: datetime, until: datetime, cursor: str | None
) -> PaymentPageAnswer:
    """Newest first, so what is made meanwhile comes before the cursor. `created` counts whole seconds."""
    params: stripe.params.PaymentIntentListParams = {
        "created": {"gte": math.ceil(since.timestamp()), "lt": math.ceil(until.timestamp())},
        "limit": _PER_PAGE,
        "expand": ["data.latest_charge"],
    }
    if cursor is not None:
        params["starting_after"] = cursor
    match await ask(wire.intents.list_async(params), Page):
        case Page() as page:
            return _read(page)
        case Refused() as refused:
            return Unknown(detail=f"list refused with {refused.status}")
        case fault:
            return fault


def _read(page: Page) -> PaymentPage | Unknown:
    payments: list[ListedPayment] = []
    unreadable = 0
    for item in page.data:
        try:
            payments.append(_listed(PaymentIntent.model_validate(item)))
        except ValueError:
            unreadable += 1
    if not page.has_more or not page.data:
        return PaymentPage(payments=tuple(payments), unreadable=unreadable)
    last = page.data[-1].get("id")
    if not isinstance(last, str):
        return Unknown(detail="unreadable list: id")
    return PaymentPage(payments=tuple(payments), unreadable=unreadable, next_cursor=last)


def _listed(intent: PaymentIntent) -> ListedPayment:
    """Raises ValueError where it was made at no time."""
    payment = intent_payment(intent)
    if payment.created_at is None:
        raise ValueError("created")
    return ListedPayment(
        payment_id=payment.payment_id,
        reference=payment.reference,
        status=payment.status,
        amount=payment.amount,
        currency=payment.currency,
        amount_captured=payment.amount_captured,
        amount_refunded=payment.amount_refunded,
        created_at=payment.created_at,
    )
