"""Reading a page of a gateway's own list of payments."""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from domain.outcome import GatewayPayment
from gateways.base import ListedPayment, Unreadable


def chosen(
    rows: Iterable[Any], read: Callable[[Any], ListedPayment], since: datetime, until: datetime
) -> tuple[tuple[ListedPayment, ...], int]:
    """The payments made from `since` to just before `until`, and how many rows made no sense.

    `read` raises Unreadable.
    """
    payments: list[ListedPayment] = []
    unreadable = 0
    for row in rows:
        try:
            payment = read(row)
        except Unreadable:
            unreadable += 1
            continue
        if since <= payment.created_at < until:
            payments.append(payment)
    return tuple(payments), unreadable


def as_listed(payment: GatewayPayment, reference: str | None) -> ListedPayment:
    """Of a list that does not tell what was refunded. Raises Unreadable where it was made at no time."""
    if payment.created_at is None:
        raise Unreadable("created_at")
    return ListedPayment(
        payment_id=payment.payment_id,
        reference=reference,
        status=payment.status,
        amount=payment.amount,
        currency=payment.currency,
        amount_captured=payment.amount_captured,
        amount_refunded=None,
        created_at=payment.created_at,
    )
