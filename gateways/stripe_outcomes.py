"""What Stripe's answers come to for an attempt."""

from typing import Final

from domain.outcome import (
    ActionRequired,
    Approved,
    Canceled,
    Declined,
    GatewayPayment,
    NotSent,
    Outcome,
    PaymentStatus,
    Pending,
    Unknown,
)
from gateways.stripe_client import Refused
from gateways.stripe_declines import decline, invalid_request
from gateways.stripe_objects import intent_payment

MONEYED: Final = (PaymentStatus.AUTHORIZED, PaymentStatus.CAPTURED)


def outcome_of(payment: GatewayPayment) -> Outcome:
    match payment.status:
        case PaymentStatus.AUTHORIZED | PaymentStatus.CAPTURED:
            return Approved(payment=payment)
        case PaymentStatus.CANCELED:
            return Canceled(payment_id=payment.payment_id)
        case PaymentStatus.DECLINED if payment.decline is not None:
            return Declined(decline=payment.decline, payment_id=payment.payment_id)
        case PaymentStatus.REQUIRES_ACTION if payment.next_action is not None:
            return ActionRequired(next_action=payment.next_action, payment_id=payment.payment_id)
        case status:
            return Pending(detail=f"undecided at Stripe: {status}", payment_id=payment.payment_id)


def closed(payment: GatewayPayment | NotSent | Unknown | None) -> Outcome:
    """What a close came to: anything but money or a confirmed end is still open."""
    match payment:
        case GatewayPayment(status=PaymentStatus.CANCELED):
            return Canceled(payment_id=payment.payment_id)
        case GatewayPayment() if payment.status in MONEYED:
            return Approved(payment=payment)
        case GatewayPayment():
            return Pending(detail=f"not closed: {payment.status}", payment_id=payment.payment_id)
        case None:
            return Unknown(detail="the payment to close cannot be read")
        case fault:
            return Unknown(detail=fault.detail)


def working(payment_id: str | None) -> Pending:
    return Pending(detail="Stripe is still working on the same request", payment_id=payment_id)


def charge_refused(refused: Refused) -> Outcome:
    """Declined, unless what Stripe sends along shows a payment that is not waiting for another try."""
    failure = refused.failure
    intent = failure.payment_intent
    intent_id = intent.id if intent is not None else None
    if refused.in_use:
        return working(intent_id)
    if intent is not None and intent.status not in ("requires_payment_method", "canceled"):
        return outcome_of(intent_payment(intent))
    if refused.status == 409:
        return Unknown(detail="status 409")
    if refused.status == 402 or failure.type == "card_error":
        why = decline(code=failure.code, decline_code=failure.decline_code, network_code=failure.network_code)
    else:
        why = invalid_request(code=failure.code, param=failure.param)
    return Declined(decline=why, payment_id=intent_id)
