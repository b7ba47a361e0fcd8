"""Tell merchants what became of the refunds they asked for."""

from datetime import UTC, datetime
from typing import Any

from sqlmodel.ext.asyncio.session import AsyncSession

from domain.notification import NotificationType
from domain.refund import RefundKind, RefundState
from storage import checkouts, notifications, refunds
from storage.tables import Refund

_ON_STATE = {
    RefundState.SUCCEEDED: NotificationType.REFUND_SUCCEEDED,
    RefundState.FAILED: NotificationType.REFUND_FAILED,
}


async def announce_refund(session: AsyncSession, refund_id: str) -> None:
    """Write the notification of a refund that has succeeded or failed, in the transaction of that change.

    Not of compensations: nobody asked for those, and the checkout never counted their money.
    """
    refund = await refunds.get(session, refund_id)
    if refund is None or refund.kind != RefundKind.MERCHANT:
        return
    checkout = await checkouts.get(session, refund.checkout_id)
    if checkout is None or checkout.notification_url is None:
        return
    kind = _ON_STATE[RefundState(refund.status)]
    await notifications.announce(session, checkout.id, kind, refund=_shown(refund, checkout.currency))


def _shown(refund: Refund, currency: str) -> dict[str, Any]:
    """In the API's field names. Without `reason`: that is the merchant's text, and may be about a person."""
    failed = refund.failure_code is not None
    return {
        "id": refund.id,
        "object": "refund",
        "checkout_id": refund.checkout_id,
        "attempt_id": refund.attempt_id,
        "amount": refund.amount,
        "currency": currency,
        "status": refund.status,
        "failure": {"code": refund.failure_code, "message": refund.detail} if failed else None,
        "created_at": _rfc3339(refund.created_at),
        "updated_at": _rfc3339(refund.updated_at),
    }


def _rfc3339(moment: datetime) -> str:
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"
