"""Give back what an abandoned attempt took after all: once, in full (I11)."""

from temporalio import activity

from activities.context import Context
from activities.errors import Gone
from activities.messages import AttemptTask, Compensated
from activities.refunding import Refunding
from domain.attempt import AttemptStatus
from domain.dispute import DisputeStatus
from domain.ids import Prefix
from domain.outcome import Canceled, GatewayPayment, PaymentStatus
from domain.refund import RefundKind, RefundState
from gateways.base import Found, PaymentHandle, VoidRequest
from storage import attempts, checkouts, disputes, refunds
from storage.events import alert, tell
from storage.tables import Attempt, Checkout, Refund

MONEYED = (PaymentStatus.AUTHORIZED, PaymentStatus.CAPTURED)


class Compensating:
    def __init__(self, context: Context, refunding: Refunding) -> None:
        self._context = context
        self._refunding = refunding

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
        handle = await self._context.handle(checkout, attempt)
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
        return await self._refund(attempt)

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

    async def _refund(self, attempt: Attempt) -> Compensated:
        """Reserve the money and carry its refund out as any other."""
        refund_id = f"{Prefix.REFUND}_{attempt.id.removeprefix(f'{Prefix.ATTEMPT}_')}"
        async with self._context.database.transaction() as session:
            row = await attempts.lock(session, attempt.id, attempt.checkout_id)
            if row.status == AttemptStatus.REFUNDED:
                return Compensated(result="refunded")
            refund = await refunds.get(session, refund_id)
            untouched = refund is None or refund.sent_at is None
            if untouched and await disputes.barring(session, row.id) is DisputeStatus.LOST:
                message = f"{row.account}: a late success went back through a lost dispute, not by us"
                await alert(session, "compensation.disputed", row.id, message)
                return Compensated(result="disputed")
            if refund is None:
                left = row.amount_captured - row.amount_refunded - row.amount_reserved
                if left <= 0 or not await refunds.reserve(session, row.id, left):
                    return Compensated(result="pending")  # other refunds are under way for all of it
                await refunds.create(
                    session,
                    Refund(
                        id=refund_id,
                        checkout_id=row.checkout_id,
                        attempt_id=row.id,
                        kind=RefundKind.COMPENSATION,
                        amount=left,
                        status=RefundState.PENDING,
                    ),
                )
        report = await self._refunding.carry_out(refund_id)
        return Compensated(result="refunded" if report.status is RefundState.SUCCEEDED else "pending")
