"""Give back what an abandoned attempt took after all: once, in full (I11)."""

from sqlmodel.ext.asyncio.session import AsyncSession
from temporalio import activity

from activities import measuring
from activities.context import Context
from activities.errors import Gone
from activities.messages import AttemptTask, CompensateAttempt, Compensated
from activities.refunding import Refunding
from domain.attempt import AttemptStatus
from domain.checkout import CaptureMethod, CheckoutStatus
from domain.conclude import conclude
from domain.dispute import DisputeStatus
from domain.ids import Prefix
from domain.outcome import Approved, Canceled, GatewayPayment, PaymentStatus
from domain.refund import RefundKind, RefundState
from domain.switches import Switch
from gateways.base import Found, PaymentHandle, VoidRequest
from storage import attempts, checkouts, disputes, refunds, switches
from storage.events import alert, tell
from storage.tables import Attempt, Checkout, Refund

MONEYED = (PaymentStatus.AUTHORIZED, PaymentStatus.CAPTURED)


class Compensating:
    def __init__(self, context: Context, refunding: Refunding) -> None:
        self._context = context
        self._refunding = refunding

    @activity.defn
    async def compensate_attempt(self, task: CompensateAttempt) -> Compensated:
        """Look the attempt up; whatever money it holds that its checkout does not count goes back.

        `pending` means that a refund is under way or unclear: call again later, nothing is sent twice.
        `frozen`: there is money, and an operator does not let it go back now.
        """
        result = await self._compensate(task)
        if task.overdue and result.result == "pending":
            async with self._context.database.transaction() as session:
                message = f"{task.account}: late money is not known to be back"
                await alert(session, "compensation.overdue", task.attempt_id, message)
        return result

    async def _compensate(self, task: AttemptTask) -> Compensated:
        checkout, attempt = await self._rows(task)
        if checkout.paid_attempt_id == attempt.id:
            return Compensated(result="adopted")
        if attempt.sent_at is None:
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
        if not await self._is_stray(attempt, payment, found):
            return Compensated(result="adopted")
        if len(moneyed) > 1:
            await self._tell_of_several(attempt, len(moneyed))
        handle = handle.model_copy(update={"payment_id": payment.payment_id})
        if payment.status is PaymentStatus.AUTHORIZED:
            if await self._frozen(task.account):
                return Compensated(result="frozen")
            return await self._void(attempt, handle)
        return await self._refund(attempt)

    async def _tell_of_several(self, attempt: Attempt, payments: int) -> None:
        """A customer has paid twice on a page. Only one payment is the attempt's, and goes back."""
        message = (
            f"{attempt.account} holds {payments} payments under one reference; one goes back by itself,"
            " the others have to be given back there"
        )
        async with self._context.database.transaction() as session:
            await alert(session, "compensation.several", attempt.id, message)

    async def _frozen(self, account: str) -> bool:
        async with self._context.database.transaction() as session:
            return Switch.COMPENSATION in await switches.around(session, account)

    async def _rows(self, task: AttemptTask) -> tuple[Checkout, Attempt]:
        async with self._context.database.transaction() as session:
            checkout = await checkouts.get(session, task.checkout_id)
            attempt = await attempts.get(session, task.attempt_id)
        if checkout is None or attempt is None:
            raise Gone(task.attempt_id)
        return checkout, attempt

    async def _is_stray(self, attempt: Attempt, payment: GatewayPayment, found: Found) -> bool:
        """Record the money as this attempt's; from here on no look-up can adopt it.

        False: the checkout counts it, as it does from now on where nothing speaks against it.
        """
        status = AttemptStatus(payment.status)
        async with self._context.database.transaction() as session:
            row = await attempts.lock(session, attempt.id, attempt.checkout_id)
            checkout = await checkouts.get(session, attempt.checkout_id)
            if checkout is None or checkout.paid_attempt_id == attempt.id:
                return False
            if await self._adopt(session, checkout, row, found):
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

    async def _adopt(self, session: AsyncSession, checkout: Checkout, row: Attempt, found: Found) -> bool:
        """Count captured money that came late, while the checkout is open and nobody else was asked (I14).

        The caller holds the checkout's row, which the next account's claim needs as well: that one finds the
        checkout final, or has made its attempt before and this money is stray.
        """
        held = row.status in (AttemptStatus.AUTHORIZED, AttemptStatus.CAPTURED, AttemptStatus.REFUNDED)
        if held or CheckoutStatus(checkout.status).final:
            return False
        if await attempts.later_exists(session, checkout.id, row.number):
            return False
        outcome = conclude(
            found.payments,
            reference=row.id,
            amount=checkout.amount,
            currency=checkout.currency,
            capture_method=CaptureMethod(checkout.capture_method),
            page=False,
        )
        if not isinstance(outcome, Approved) or outcome.payment.status is not PaymentStatus.CAPTURED:
            return False
        captured = outcome.payment.amount_captured
        await attempts.change(
            session,
            row.id,
            status=AttemptStatus.CAPTURED,
            gateway_payment_id=outcome.payment.payment_id,
            amount_captured=captured,
            detail=None,
        )
        await checkouts.advance(
            session,
            checkout.id,
            CheckoutStatus.SUCCEEDED,
            gateway=row.gateway,
            account=row.account,
            paid_attempt_id=row.id,
            amount_captured=captured,
            next_action=None,
            decline=None,
            review_reason=None,
        )
        tell(session, checkout.id, "attempt.adopted", attempt_id=row.id, account=row.account)
        measuring.attempt_ended(session, row, AttemptStatus.CAPTURED)
        measuring.checkout_ended(session, CheckoutStatus.SUCCEEDED)
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
                if Switch.COMPENSATION in await switches.around(session, row.account):
                    return Compensated(result="frozen")
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
        if report.status is RefundState.SUCCEEDED:
            return Compensated(result="refunded")
        return Compensated(result="frozen" if report.frozen else "pending", taken=report.taken)
