"""Flutterwave's chargebacks, as `GET /chargebacks` lists them.

Fields as in the samples of https://developer.flutterwave.com/docs/payment-operations/chargebacks: `id`,
`amount` in the transaction's currency, `flw_ref`, `status`, `comment`, `created_at`, `transaction_id`,
`tx_ref`.
"""

import re
from collections.abc import Iterable
from typing import Final

from domain.dispute import DisputeStatus
from domain.outcome import Unknown
from gateways.base import (
    DisputedPayment,
    DisputedPayments,
    DisputedPaymentsAnswer,
    DisputeLookUpAnswer,
    FoundDisputes,
    GatewayDispute,
    PaymentHandle,
    Unreadable,
)
from gateways.flutterwave_answers import mapping, minor_units, moment, payment_id

_STATUSES: Final = {
    "initiated": DisputeStatus.NEEDS_RESPONSE,
    "pending": DisputeStatus.NEEDS_RESPONSE,
    # The merchant has declined it: the bank decides.
    "declined": DisputeStatus.UNDER_REVIEW,
    # The merchant has accepted it: the customer gets the money.
    "accepted": DisputeStatus.LOST,
    "lost": DisputeStatus.LOST,
    "won": DisputeStatus.WON,
    "reversed": DisputeStatus.WON,
}
"""A status that is not named here is under review: neither over nor without consequence."""

_WORDS: Final = re.compile(r"[A-Za-z][A-Za-z /-]{0,59}")


def of_payment(rows: Iterable[object], identifier: str, handle: PaymentHandle) -> DisputeLookUpAnswer:
    """The chargebacks of one transaction, from a list that may hold others'."""
    disputes: dict[str, GatewayDispute] = {}
    try:
        for row in rows:
            fields = mapping(row, "chargeback")
            if _payment(fields.get("transaction_id")) not in (identifier, None):
                continue
            dispute = GatewayDispute(
                gateway_dispute_id=payment_id(fields.get("id")),
                status=_status(fields.get("status")),
                amount=minor_units(fields.get("amount"), handle.currency, "amount"),
                currency=handle.currency,
                reason=_reason(fields.get("comment")),
                opened_at=moment(fields.get("created_at")),
            )
            disputes[dispute.gateway_dispute_id] = dispute
    except Unreadable as fault:
        return Unknown(detail=f"unreadable chargeback: {fault}")
    return FoundDisputes(disputes=tuple(disputes.values()))


def of_account(rows: Iterable[object]) -> DisputedPaymentsAnswer:
    found: list[DisputedPayment] = []
    try:
        for row in rows:
            fields = mapping(row, "chargeback")
            reference = fields.get("tx_ref")
            found.append(
                DisputedPayment(
                    gateway_dispute_id=payment_id(fields.get("id")),
                    status=_status(fields.get("status")),
                    reference=reference if isinstance(reference, str) else None,
                    payment_id=_payment(fields.get("transaction_id")),
                )
            )
    except Unreadable as fault:
        return Unknown(detail=f"unreadable chargeback: {fault}")
    return DisputedPayments(payments=tuple(found))


def _status(value: object) -> DisputeStatus:
    if not isinstance(value, str):
        raise Unreadable("status")
    return _STATUSES.get(value.lower(), DisputeStatus.UNDER_REVIEW)


def _reason(comment: object) -> str | None:
    """The bank's words as a code; None for what is no plain phrase: it could be about a person."""
    if not isinstance(comment, str) or not _WORDS.fullmatch(comment):
        return None
    return re.sub(r"[ /-]+", "_", comment.lower())


def _payment(value: object) -> str | None:
    return None if value is None else payment_id(value)
