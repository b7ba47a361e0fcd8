"""The parts of Stripe's objects that we read, and what they say about a payment.

Reading is strict: a field of the wrong type, or an amount that is no whole number of minor units, makes the
whole answer unreadable, which is an unknown outcome, never a guess. Fields that we do not name are ignored. https://docs.stripe.com/api/payment_intents/object,
https://docs.stripe.com/api/checkout/sessions/object, https://docs.stripe.com/api/refunds/object
"""

from datetime import UTC, datetime
from typing import Annotated, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, JsonValue, model_validator

from domain.outcome import GatewayPayment, NextAction, NextActionType, PaymentStatus
from gateways.base import GatewayRefund, RefundStatus
from gateways.stripe_currencies import from_stripe
from gateways.stripe_declines import decline

REFERENCE: Final = "attempt"
"""Metadata key of our reference on everything we create."""
REFUND: Final = "refund"
"""Metadata key of our refund id."""

_Id = Annotated[str, Field(min_length=3, max_length=255, pattern=r"^[A-Za-z0-9_]+$")]
_Units = Annotated[int, Field(ge=0)]
_Time = Annotated[int, Field(ge=0, le=253_402_300_799)]
"""Seconds since 1970, up to the end of the year 9999."""


class Reading(BaseModel):
    """Base of everything read: strict, and blind to what is not named."""

    model_config = ConfigDict(strict=True, frozen=True, extra="ignore")


class _Referring(Reading):
    metadata: dict[str, str] | None = None

    @property
    def reference(self) -> str | None:
        return (self.metadata or {}).get(REFERENCE)


class Charge(Reading):
    object: Literal["charge"]
    id: _Id
    amount_captured: _Units | None = None
    amount_refunded: _Units = 0


class PaymentError(Reading):
    code: str | None = None
    decline_code: str | None = None
    network_decline_code: str | None = None
    network_advice_code: str | None = None

    @property
    def network_code(self) -> str | None:
        return self.network_decline_code or self.network_advice_code


class Redirect(Reading):
    url: str | None = None


class IntentAction(Reading):
    type: str
    redirect_to_url: Redirect | None = None


class PaymentIntent(_Referring):
    object: Literal["payment_intent"]
    id: _Id
    status: str
    amount: _Units
    currency: str
    created: _Time | None = None
    amount_received: _Units = 0
    latest_charge: Charge | _Id | None = None
    last_payment_error: PaymentError | None = None
    next_action: IntentAction | None = None

    @model_validator(mode="after")
    def _exact(self) -> Self:
        currency = self.currency.upper()
        from_stripe(self.amount, currency)
        from_stripe(self.amount_received, currency)
        if isinstance(self.latest_charge, Charge):
            from_stripe(self.latest_charge.amount_captured or 0, currency)
            from_stripe(self.latest_charge.amount_refunded, currency)
        return self


class Session(_Referring):
    """A Checkout Session: the page."""

    object: Literal["checkout.session"]
    id: _Id
    status: str | None = None
    amount_total: _Units | None = None
    currency: str | None = None
    url: str | None = None
    created: _Time | None = None
    expires_at: _Time | None = None
    client_reference_id: str | None = None
    payment_intent: PaymentIntent | _Id | None = None

    @property
    def reference(self) -> str | None:
        return self.client_reference_id or super().reference

    @model_validator(mode="after")
    def _exact(self) -> Self:
        from_stripe(self.amount_total or 0, (self.currency or "").upper())
        return self


class Refund(Reading):
    object: Literal["refund"]
    id: _Id
    status: str | None = None
    amount: _Units
    currency: str
    failure_reason: str | None = None
    metadata: dict[str, str] | None = None

    @model_validator(mode="after")
    def _exact(self) -> Self:
        from_stripe(self.amount, self.currency.upper())
        return self


class RefundPage(Reading):
    object: Literal["list"]
    data: list[Refund]
    has_more: bool = False


class Page(Reading):
    """One page of a list or search. Its items are read one by one: most are not ours."""

    object: Literal["list", "search_result"]
    data: list[dict[str, JsonValue]]
    has_more: bool = False


class Failure(Reading):
    """The `error` of a refused request."""

    type: str | None = None
    code: str | None = None
    param: str | None = None
    decline_code: str | None = None
    network_decline_code: str | None = None
    network_advice_code: str | None = None
    payment_intent: PaymentIntent | None = None

    @property
    def network_code(self) -> str | None:
        return self.network_decline_code or self.network_advice_code


class FailureBody(Reading):
    error: Failure


def intent_payment(intent: PaymentIntent) -> GatewayPayment:
    """A PaymentIntent as a payment."""
    currency = intent.currency.upper()
    status = _status(intent)
    captured, refunded = 0, 0
    if status is PaymentStatus.CAPTURED:
        captured = intent.amount_received
        if isinstance(charge := intent.latest_charge, Charge):
            captured = intent.amount_received if charge.amount_captured is None else charge.amount_captured
            refunded = charge.amount_refunded
    error = intent.last_payment_error
    return GatewayPayment(
        payment_id=intent.id,
        reference=intent.reference,
        status=status,
        amount=from_stripe(intent.amount, currency),
        currency=currency,
        amount_captured=from_stripe(captured, currency),
        amount_refunded=from_stripe(refunded, currency),
        decline=(
            decline(code=error.code, decline_code=error.decline_code, network_code=error.network_code)
            if error is not None and status is PaymentStatus.DECLINED
            else None
        ),
        next_action=_next_action(intent) if status is PaymentStatus.REQUIRES_ACTION else None,
        created_at=_moment(intent.created),
    )


def _status(intent: PaymentIntent) -> PaymentStatus:
    """https://docs.stripe.com/payments/paymentintents/lifecycle; a status not named there is pending."""
    match intent.status:
        case "requires_action":
            return PaymentStatus.REQUIRES_ACTION
        case "requires_capture":
            return PaymentStatus.AUTHORIZED
        case "succeeded":
            return PaymentStatus.CAPTURED
        case "canceled":
            return PaymentStatus.CANCELED
        case "requires_payment_method" if intent.last_payment_error is not None:
            return PaymentStatus.DECLINED
        case _:
            return PaymentStatus.PENDING


def _next_action(intent: PaymentIntent) -> NextAction | None:
    action = intent.next_action
    if action is None or action.redirect_to_url is None or not action.redirect_to_url.url:
        return None
    return NextAction(type=NextActionType.REDIRECT, url=action.redirect_to_url.url)


def session_payment(session: Session) -> GatewayPayment | None:
    """A page as a payment; None where only its PaymentIntent, not expanded here, can tell.

    An open page can be paid whatever became of a try on it. One that has expired cannot, so its own
    PaymentIntent counts only where it already holds, or may still bring, money.
    """
    intent = session.payment_intent
    inside = intent_payment(intent) if isinstance(intent, PaymentIntent) else None
    if inside is not None and inside.reference is None:
        inside = inside.model_copy(update={"reference": session.reference})
    if inside is not None and inside.status in (PaymentStatus.AUTHORIZED, PaymentStatus.CAPTURED):
        return inside
    match session.status:
        case "open":
            return _page(session, PaymentStatus.REQUIRES_ACTION)
        case "complete" if inside is not None:
            return inside
        case "expired" if isinstance(intent, PaymentIntent) and _undecided(intent):
            return inside
        case "complete" | "expired" if isinstance(intent, str):
            return None
        case "expired":
            return _page(session, PaymentStatus.CANCELED)
        case _:
            return _page(session, PaymentStatus.PENDING)


def _undecided(intent: PaymentIntent) -> bool:
    """Not waiting for the customer, who can no longer come back: at a bank, or in a status unknown to us."""
    waiting = ("requires_payment_method", "requires_confirmation")
    return _status(intent) is PaymentStatus.PENDING and intent.status not in waiting


def _page(session: Session, status: PaymentStatus) -> GatewayPayment:
    currency = (session.currency or "").upper()
    action = None
    if status is PaymentStatus.REQUIRES_ACTION and session.url:
        action = NextAction(
            type=NextActionType.REDIRECT, url=session.url, expires_at=_moment(session.expires_at)
        )
    return GatewayPayment(
        payment_id=session.id,
        reference=session.reference,
        status=status,
        amount=from_stripe(session.amount_total or 0, currency),
        currency=currency,
        next_action=action,
        created_at=_moment(session.created),
    )


def refund(read: Refund) -> GatewayRefund:
    """https://docs.stripe.com/api/refunds/object#refund_object-status; unknown statuses are pending."""
    match read.status:
        case "succeeded":
            status = RefundStatus.SUCCEEDED
        case "failed" | "canceled":
            status = RefundStatus.FAILED
        case _:
            status = RefundStatus.PENDING
    return GatewayRefund(
        gateway_refund_id=read.id,
        refund_id=(read.metadata or {}).get(REFUND),
        status=status,
        amount=from_stripe(read.amount, read.currency.upper()),
        detail=read.failure_reason,
    )


def _moment(seconds: int | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
