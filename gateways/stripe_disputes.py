"""Stripe's disputes: how they are read, and how a payment's are found.

https://docs.stripe.com/api/disputes/object, https://docs.stripe.com/disputes/how-disputes-work
"""

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from typing import Annotated, Any, Final, Literal, Self

from pydantic import Field, JsonValue, ValidationError, model_validator

from domain.dispute import DisputeStatus
from domain.outcome import Unknown
from gateways.base import (
    DisputedPayment,
    DisputedPayments,
    DisputedPaymentsAnswer,
    DisputeLookUpAnswer,
    FoundDisputes,
    GatewayDispute,
)
from gateways.stripe_client import Refused, StripeWire, ask
from gateways.stripe_currencies import from_stripe
from gateways.stripe_objects import Page, Reading

_PAGES: Final = 50
_PER_PAGE: Final = 100
_REASON: Final = re.compile(r"[a-z0-9_]{1,60}")

_STATUSES: Final = {
    "warning_needs_response": DisputeStatus.INQUIRY,
    "warning_under_review": DisputeStatus.INQUIRY,
    "warning_closed": DisputeStatus.CLOSED,
    "needs_response": DisputeStatus.NEEDS_RESPONSE,
    "under_review": DisputeStatus.UNDER_REVIEW,
    "won": DisputeStatus.WON,
    "lost": DisputeStatus.LOST,
    # Settled with the bank before it became a chargeback: the customer has the money.
    "prevented": DisputeStatus.LOST,
}
"""A status that is not named here is under review: neither over nor without consequence."""


class Dispute(Reading):
    object: Literal["dispute"]
    id: Annotated[str, Field(min_length=3, max_length=255, pattern=r"^[A-Za-z0-9_]+$")]
    status: str
    amount: Annotated[int, Field(ge=0)]
    currency: str
    reason: str | None = None
    created: Annotated[int, Field(ge=0, le=253_402_300_799)] | None = None
    payment_intent: str | dict[str, JsonValue] | None = None

    @model_validator(mode="after")
    def _exact(self) -> Self:
        from_stripe(self.amount, self.currency.upper())
        return self

    @property
    def payment_id(self) -> str | None:
        named = self.payment_intent
        identifier = named.get("id") if isinstance(named, dict) else named
        return identifier if isinstance(identifier, str) else None


async def disputes_of(wire: StripeWire, intent_id: str) -> DisputeLookUpAnswer:
    """Every dispute of a PaymentIntent."""
    found = await _listed(wire, {"payment_intent": intent_id})
    if isinstance(found, Unknown):
        return found
    return FoundDisputes(disputes=tuple(dispute(each) for each in found))


async def disputed_since(wire: StripeWire, since: date) -> DisputedPaymentsAnswer:
    """The payments of every dispute of the account that was opened since the start of that day (UTC)."""
    begin = int(datetime.combine(since, time(), UTC).timestamp())
    found = await _listed(wire, {"created": {"gte": begin}})
    if isinstance(found, Unknown):
        return found
    return DisputedPayments(
        payments=tuple(
            DisputedPayment(
                gateway_dispute_id=each.id, status=_status(each), reference=None, payment_id=each.payment_id
            )
            for each in found
        )
    )


def dispute(read: Dispute) -> GatewayDispute:
    currency = read.currency.upper()
    return GatewayDispute(
        gateway_dispute_id=read.id,
        status=_status(read),
        amount=from_stripe(read.amount, currency),
        currency=currency,
        reason=read.reason if read.reason and _REASON.fullmatch(read.reason) else None,
        opened_at=None if read.created is None else datetime.fromtimestamp(read.created, UTC),
    )


def _status(read: Dispute) -> DisputeStatus:
    return _STATUSES.get(read.status, DisputeStatus.UNDER_REVIEW)


async def _listed(wire: StripeWire, asked: Mapping[str, Any]) -> list[Dispute] | Unknown:
    found: list[Dispute] = []
    params: Any = {**asked, "limit": _PER_PAGE}
    for _ in range(_PAGES):
        match await ask(wire.disputes.list_async(params), Page):
            case Page() as page:
                pass
            case Refused() as refused:
                return Unknown(detail=f"look-up refused with {refused.status}")
            case fault:
                return Unknown(detail=fault.detail)
        try:
            found += [Dispute.model_validate(each) for each in page.data]
        except ValidationError:
            return Unknown(detail="unreadable dispute")
        if not page.has_more or not page.data:
            return found
        params = {**params, "starting_after": found[-1].id}
    return Unknown(detail="more disputes than can be listed")
