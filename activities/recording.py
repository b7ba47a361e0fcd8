"""Write what a gateway's answer means: attempt, checkout, timeline and alerts in one transaction."""

import contextlib

from sqlmodel.ext.asyncio.session import AsyncSession

from activities import measuring
from activities.messages import Kind, Report
from domain.attempt import AttemptStatus, status_after
from domain.checkout import CheckoutStatus
from domain.decline import Decline, DeclineCategory
from domain.outcome import (
    ActionRequired,
    Approved,
    Canceled,
    Declined,
    Mismatch,
    NotFound,
    NotSent,
    NotSentCause,
    Outcome,
    PaymentStatus,
    Pending,
    Unknown,
)
from storage import attempts, checkouts
from storage.events import alert, tell
from storage.tables import Attempt

_KINDS = {
    AttemptStatus.AUTHORIZED: Kind.APPROVED,
    AttemptStatus.CAPTURED: Kind.APPROVED,
    AttemptStatus.VOIDED: Kind.CANCELED,
    AttemptStatus.REFUNDED: Kind.APPROVED,
    AttemptStatus.STARTED: Kind.UNKNOWN,
    AttemptStatus.REQUIRES_ACTION: Kind.ACTION_REQUIRED,
}


def report_of(attempt: Attempt) -> Report:
    """What is recorded already, as a report: for activities that run again."""
    status = AttemptStatus(attempt.status)
    decline = None if attempt.decline is None else Decline.model_validate(attempt.decline)
    return Report(
        kind=_KINDS.get(status) or Kind(status),
        status=status,
        decline=None if decline is None else decline.category,
    )


async def record(
    session: AsyncSession, attempt: Attempt, outcome: Outcome, *, send: int | None = None
) -> Report:
    """Record `outcome` of `attempt`. `send`: the number of the send it answers, for `NotSent`.

    A settled attempt is never overwritten: money that shows up on one is late, and raises an alert.
    """
    row = await attempts.lock(session, attempt.id, attempt.checkout_id)
    before = AttemptStatus(row.status)
    report = await _record(session, row, before, outcome, send)
    if report.status is not before and (report.status.settled or report.status.negative):
        measuring.attempt_ended(session, row, report.status)
    return report


async def _record(
    session: AsyncSession, row: Attempt, before: AttemptStatus, outcome: Outcome, send: int | None
) -> Report:
    if before.settled:
        if isinstance(outcome, Approved) and before.negative:
            await _late(session, row)
        return report_of(row)
    if before is AttemptStatus.NOT_SENT and isinstance(outcome, Pending | Unknown | NotFound):
        return report_of(row)  # a look-up that began before it was known that nothing has left
    match outcome:
        case Approved():
            return await _approved(session, row, outcome)
        case Mismatch(detail=detail, payment=payment):
            await attempts.record(
                session, row.id, AttemptStatus.UNKNOWN, detail=detail, gateway_payment_id=payment.payment_id
            )
            await alert(session, "outcome.mismatch", row.id, f"{row.account} answered with {detail}")
            tell(session, row.checkout_id, "attempt.mismatch", attempt_id=row.id, detail=detail)
            return Report(kind=Kind.MISMATCH, status=AttemptStatus.UNKNOWN, detail=detail)
        case ActionRequired():
            return await _action_required(session, row, outcome)
        case Declined(decline=decline):
            await _write(
                session,
                row,
                AttemptStatus.DECLINED,
                outcome.payment_id,
                decline=decline.model_dump(mode="json"),
            )
            tell(
                session,
                row.checkout_id,
                "attempt.declined",
                attempt_id=row.id,
                account=row.account,
                code=decline.code,
                category=decline.category,
            )
            if decline.category is DeclineCategory.CONFIGURATION:
                await alert(session, "account.configuration", row.account, decline.message)
            return Report(
                kind=Kind.DECLINED,
                status=AttemptStatus.DECLINED,
                decline=decline.category,
                detail=decline.code,
            )
        case Canceled():
            await _write(session, row, AttemptStatus.CANCELED, outcome.payment_id)
            tell(session, row.checkout_id, "attempt.canceled", attempt_id=row.id, account=row.account)
            return Report(kind=Kind.CANCELED, status=AttemptStatus.CANCELED)
        case NotSent(cause=cause, detail=detail):
            return await _not_sent(session, row, cause, detail, outcome.retry_after, send)
        case Pending() | Unknown() | NotFound():
            status = status_after(outcome)
            detail = "not found" if isinstance(outcome, NotFound) else outcome.detail
            kind = Kind(outcome.kind)
            if before is AttemptStatus.REQUIRES_ACTION and status is AttemptStatus.UNKNOWN:
                # One look-up that failed does not take the action out of the customer's hands.
                return Report(kind=kind, status=before, detail=detail)
            if (before, row.detail) != (status, detail):
                payment_id = outcome.payment_id if isinstance(outcome, Pending) else None
                await _write(session, row, status, payment_id, detail=detail)
                # One look-up that finds nothing proves nothing: "not_found" is told where it is believed.
                told = "nothing_found" if isinstance(outcome, NotFound) else kind
                tell(session, row.checkout_id, f"attempt.{told}", attempt_id=row.id, detail=detail)
            return Report(kind=kind, status=status, detail=detail)


async def _write(
    session: AsyncSession, row: Attempt, status: AttemptStatus, payment_id: str | None, **values: object
) -> None:
    if payment_id is not None:
        values["gateway_payment_id"] = payment_id
    await attempts.record(session, row.id, status, **values)


async def _approved(session: AsyncSession, row: Attempt, outcome: Approved) -> Report:
    payment = outcome.payment
    status = status_after(outcome)
    await attempts.record(
        session,
        row.id,
        status,
        gateway_payment_id=payment.payment_id,
        amount_captured=payment.amount_captured,
        detail=None,
    )
    tell(session, row.checkout_id, f"attempt.{status}", attempt_id=row.id, account=row.account)
    paid = payment.status is PaymentStatus.CAPTURED
    if await attempts.later_exists(session, row.checkout_id, row.number):
        await _late(session, row)
        return Report(kind=Kind.LATE, status=status)
    try:
        await checkouts.advance(
            session,
            row.checkout_id,
            CheckoutStatus.SUCCEEDED if paid else CheckoutStatus.REQUIRES_CAPTURE,
            gateway=row.gateway,
            account=row.account,
            paid_attempt_id=row.id,
            amount_captured=payment.amount_captured,
            next_action=None,
            decline=None,
            review_reason=None,
        )
    except checkouts.IllegalTransition:
        await _late(session, row)
        return Report(kind=Kind.LATE, status=status)
    if paid:
        measuring.checkout_ended(session, CheckoutStatus.SUCCEEDED)
    return Report(kind=Kind.APPROVED, status=status)


async def _late(session: AsyncSession, row: Attempt) -> None:
    """Money arrived where nobody waits for it any more (I13). The watcher gives it back."""
    await alert(session, "attempt.late_success", row.id, f"{row.account} took money for an abandoned attempt")
    tell(session, row.checkout_id, "attempt.late_success", attempt_id=row.id, account=row.account)


async def _action_required(session: AsyncSession, row: Attempt, outcome: ActionRequired) -> Report:
    action = outcome.next_action
    if row.status != AttemptStatus.REQUIRES_ACTION:
        await _write(
            session,
            row,
            AttemptStatus.REQUIRES_ACTION,
            outcome.payment_id,
            page_url=action.url if row.method == "hosted" else None,
        )
        tell(session, row.checkout_id, "attempt.requires_action", attempt_id=row.id, action=action.type)
        # In review, or final by now: the customer is not asked any more, the gateway is watched as before.
        with contextlib.suppress(checkouts.IllegalTransition):
            await checkouts.advance(
                session,
                row.checkout_id,
                CheckoutStatus.REQUIRES_ACTION,
                gateway=row.gateway,
                account=row.account,
                next_action=action.model_dump(mode="json"),
            )
    return Report(kind=Kind.ACTION_REQUIRED, status=AttemptStatus.REQUIRES_ACTION)


async def _not_sent(
    session: AsyncSession,
    row: Attempt,
    cause: NotSentCause,
    detail: str,
    retry_after: float | None,
    send: int | None,
) -> Report:
    """Definite only where this was the one send of the attempt that may ever have left."""
    if cause is NotSentCause.UNAUTHORIZED:
        await alert(session, "account.unauthorized", row.account, f"{row.account} refuses our credentials")
    if send is None or not await attempts.record_not_sent(session, row.id, send, detail):
        if row.detail != detail or row.status != AttemptStatus.UNKNOWN:
            await attempts.record(session, row.id, AttemptStatus.UNKNOWN, detail=detail)
            tell(session, row.checkout_id, "attempt.unknown", attempt_id=row.id, detail=detail)
        return Report(kind=Kind.UNKNOWN, status=AttemptStatus.UNKNOWN, detail=detail)
    tell(session, row.checkout_id, "attempt.not_sent", attempt_id=row.id, account=row.account, detail=detail)
    return Report(kind=Kind.NOT_SENT, status=AttemptStatus.NOT_SENT, retry_after=retry_after, detail=detail)
