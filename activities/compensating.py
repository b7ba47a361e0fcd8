"""Give back what an abandoned attempt took after all: once, in full (I11)."""

import time
from datetime import UTC, datetime

from temporalio import activity

from activities.context import STALLED_AFTER, Context, handle_of
from activities.errors import Gone
from activities.messages import AttemptTask, Compensated
from domain.attempt import AttemptStatus
from domain.outcome import Canceled, GatewayPayment, NotSent, PaymentStatus
from gateways.base import (
    Found,
    FoundRefunds,
    GatewayRefund,
    PaymentHandle,
    RefundAnswer,
    RefundRefused,
    RefundRequest,
    RefundStatus,
    VoidRequest,
)
from storage import attempts, checkouts, refunds
from storage.events import alert, tell
from storage.tables import Attempt, Checkout, Refund

MONEYED = (PaymentStatus.AUTHORIZED, PaymentStatus.CAPTURED)


class Compensating:
    def __init__(self, context: Context) -> None:
        self._context = context

    @activity.defn
    async def compensate_attempt(self, task: AttemptTask) -> Compensated:
        """Look the attempt up; whatever money it holds that its checkout does not count goes back.

        `pending` means that a refund is under way or unclear: call again later, nothing is sent twice.
        """
        checkout, attempt = await self._rows(task)
        if checkout.paid_attempt_id == attempt.id or attempt.sent_at is None:
            return Compensated(result="nothing")
        if attempt.status in (AttemptStatus.REFUNDED, AttemptStatus.VOIDED):
            return Compensated(result=attempt.status)
        gateway = self._context.accounts.gateway(task.account)
        handle = handle_of(checkout, attempt)
        found = await gateway.look_up(handle)
        if not isinstance(found, Found):
            return Compensated(result="pending")
        moneyed = [payment for payment in found.payments if payment.status in MONEYED]
        if not moneyed:
            return Compensated(result="nothing")
        payment = moneyed[0]
        if not await self._is_stray(attempt, payment):
            return Compensated(result="nothing")
        handle = handle.model_copy(update={"payment_id": payment.payment_id})
        if payment.status is PaymentStatus.AUTHORIZED:
            return await self._void(attempt, handle)
        return await self._refund(attempt, handle, payment)

    async def _rows(self, task: AttemptTask) -> tuple[Checkout, Attempt]:
        async with self._context.database.transaction() as session:
            checkout = await checkouts.get(session, task.checkout_id)
            attempt = await attempts.get(session, task.attempt_id)
        if checkout is None or attempt is None:
            raise Gone(task.attempt_id)
        return checkout, attempt

    async def _is_stray(self, attempt: Attempt, payment: GatewayPayment) -> bool:
        """Record the money as this attempt's; from here on no look-up can adopt it. False: one has."""
        status = AttemptStatus(payment.status)
        async with self._context.database.transaction() as session:
            row = await attempts.lock(session, attempt.id, attempt.checkout_id)
            checkout = await checkouts.get(session, attempt.checkout_id)
            if checkout is None or checkout.paid_attempt_id == attempt.id:
                return False
            if row.status not in (status, AttemptStatus.REFUNDED):
                await attempts.change(
                    session,
                    row.id,
                    status=status,
                    gateway_payment_id=payment.payment_id,
                    amount_captured=payment.amount_captured,
                )
                message = f"{row.account} took money for an abandoned attempt"
                await alert(session, "attempt.late_success", row.id, message)
                tell(session, row.checkout_id, "attempt.late_success", attempt_id=row.id, account=row.account)
        return True

    async def _void(self, attempt: Attempt, handle: PaymentHandle) -> Compensated:
        gateway = self._context.accounts.gateway(attempt.account)
        answer = await gateway.void(VoidRequest(handle=handle, idempotency_key=f"{attempt.id}:void"))
        if not isinstance(answer, Canceled):
            return Compensated(result="pending")
        async with self._context.database.transaction() as session:
            row = await attempts.lock(session, attempt.id, attempt.checkout_id)
            if row.status == AttemptStatus.AUTHORIZED:
                await attempts.change(session, row.id, status=AttemptStatus.VOIDED)
                tell(session, row.checkout_id, "attempt.voided", attempt_id=row.id)
        return Compensated(result="voided")

    async def _refund(self, attempt: Attempt, handle: PaymentHandle, payment: GatewayPayment) -> Compensated:
        refund = Refund(
            id=f"re_{attempt.id.removeprefix('att_')}",
            checkout_id=attempt.checkout_id,
            attempt_id=attempt.id,
            kind="compensation",
            amount=payment.amount_captured,
            status="pending",
        )
        async with self._context.database.transaction() as session:
            row = await attempts.lock(session, attempt.id, attempt.checkout_id)
            if row.status == AttemptStatus.REFUNDED:
                return Compensated(result="refunded")
            if await refunds.create(session, refund) and not await refunds.reserve(
                session, row.id, refund.amount
            ):
                raise Gone(f"the money of {row.id}")
            send = await refunds.claim_send(session, refund.id)
        answer = await self._send(attempt, handle, refund, send)
        return await self._record(attempt, refund, answer)

    async def _send(
        self, attempt: Attempt, handle: PaymentHandle, refund: Refund, send: int | None
    ) -> RefundAnswer | None:
        """Send the refund where that is safe, else find it; None: not known yet."""
        began = time.monotonic()
        gateway = self._context.accounts.gateway(attempt.account)
        keyed = self._context.accounts.known[attempt.account].capabilities.key_life is not None
        first = send is not None
        if send is None:
            found = await gateway.look_up_refunds(handle)
            if not isinstance(found, FoundRefunds):
                return None
            for known in found.refunds:
                if known.refund_id == refund.id:
                    return known
            began = time.monotonic()
            if not keyed:
                send = await self._reclaim(attempt, refund)
                if send is None:
                    return None
        if time.monotonic() - began > STALLED_AFTER:
            return None
        request = RefundRequest(
            handle=handle, refund_id=refund.id, amount=refund.amount, idempotency_key=f"{refund.id}:refund"
        )
        answer = await gateway.refund(request)
        if isinstance(answer, NotSent) and send is not None and first:
            async with self._context.database.transaction() as session:
                await refunds.record_not_sent(session, refund.id, send, answer.detail)
        return answer

    async def _reclaim(self, attempt: Attempt, refund: Refund) -> int | None:
        """A keyless gateway: send again only when the quiet period has passed since and nothing is found."""
        async with self._context.database.transaction() as session:
            row = await refunds.lock(session, refund.id)
            if row.sent_at is not None:
                if datetime.now(UTC) - row.sent_at < self._context.quiet_period(attempt.account):
                    return None
                await refunds.note(session, refund.id, sent_at=None)
            return await refunds.claim_send(session, refund.id)

    async def _record(self, attempt: Attempt, refund: Refund, answer: RefundAnswer | None) -> Compensated:
        async with self._context.database.transaction() as session:
            match answer:
                case GatewayRefund(status=RefundStatus.SUCCEEDED):
                    await attempts.lock(session, attempt.id, attempt.checkout_id)
                    done = await refunds.settle(
                        session, refund, refunded=True, gateway_refund_id=answer.gateway_refund_id
                    )
                    if done:
                        await attempts.change(session, attempt.id, status=AttemptStatus.REFUNDED)
                        tell(
                            session,
                            attempt.checkout_id,
                            "attempt.refunded",
                            attempt_id=attempt.id,
                            amount=refund.amount,
                        )
                    return Compensated(result="refunded")
                case GatewayRefund(status=RefundStatus.FAILED):
                    await refunds.note(session, refund.id, detail=answer.detail)
                    await alert(
                        session, "compensation.refused", attempt.id, answer.detail or "the refund failed"
                    )
                case GatewayRefund():
                    await refunds.note(session, refund.id, gateway_refund_id=answer.gateway_refund_id)
                case RefundRefused(detail=detail):
                    await refunds.note(session, refund.id, detail=detail)
                    await alert(session, "compensation.refused", attempt.id, detail)
                case _:
                    await refunds.note(session, refund.id, detail="no definite answer yet")
        return Compensated(result="pending")
