"""From what a gateway shows under our reference to one outcome."""

from collections.abc import Sequence

from domain.checkout import CaptureMethod
from domain.outcome import (
    ActionRequired,
    Approved,
    Canceled,
    Declined,
    GatewayPayment,
    Mismatch,
    NotFound,
    Outcome,
    PaymentStatus,
    Pending,
)


def conclude(
    payments: Sequence[GatewayPayment],
    *,
    reference: str,
    amount: int,
    currency: str,
    capture_method: CaptureMethod,
    page: bool,
) -> Outcome:
    """What all payments under one attempt amount to, money first.

    On a gateway's page (`page`) the customer may try again after a failure, so a failed try is not a
    decline of the attempt: it stays pending until something succeeds or the page is closed.
    """
    moneyed = [
        payment
        for payment in payments
        if payment.status in (PaymentStatus.CAPTURED, PaymentStatus.AUTHORIZED)
    ]
    if len(moneyed) > 1:
        return Mismatch(payment=moneyed[1], detail="paid more than once under one reference")
    if moneyed:
        return check(
            moneyed[0],
            reference=reference,
            amount=amount,
            currency=currency,
            capture_method=capture_method,
        )
    for payment in payments:
        if payment.status is PaymentStatus.REQUIRES_ACTION and payment.next_action is not None:
            return ActionRequired(next_action=payment.next_action, payment_id=payment.payment_id)
    undecided = (PaymentStatus.PENDING, PaymentStatus.REQUIRES_ACTION)
    for payment in payments:
        if payment.status in undecided:
            return Pending(detail="undecided at the gateway", payment_id=payment.payment_id)
    declined = [payment for payment in payments if payment.status is PaymentStatus.DECLINED]
    if declined:
        last = declined[-1]
        if page or last.decline is None:
            return Pending(detail="a try failed, another may follow", payment_id=last.payment_id)
        return Declined(decline=last.decline, payment_id=last.payment_id)
    if payments:
        return Canceled(payment_id=payments[-1].payment_id)
    return NotFound()


def check(
    payment: GatewayPayment, *, reference: str, amount: int, currency: str, capture_method: CaptureMethod
) -> Approved | Mismatch:
    """Approved only where amount, currency and reference are the ones asked for (I6, G12)."""
    if payment.reference is not None and payment.reference != reference:
        return Mismatch(payment=payment, detail="another reference")
    if payment.currency != currency:
        return Mismatch(payment=payment, detail="another currency")
    if payment.amount != amount:
        return Mismatch(payment=payment, detail="another amount")
    full = capture_method is CaptureMethod.AUTOMATIC
    if full and payment.status is PaymentStatus.CAPTURED and payment.amount_captured != amount:
        return Mismatch(payment=payment, detail="another amount captured")
    if payment.amount_refunded >= amount:
        return Mismatch(payment=payment, detail="taken, and given back already")
    return Approved(payment=payment)
