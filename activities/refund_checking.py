"""Put right what a gateway takes back: a refund that it called succeeded, and that failed days after."""

from sqlmodel.ext.asyncio.session import AsyncSession
from temporalio import activity

from activities.context import Context
from activities.errors import Gone
from activities.messages import AttemptTask, RefundsChecked
from activities.refund_news import announce_refund
from activities.refunding import name_of
from domain.attempt import AttemptStatus
from domain.refund import RefundFailure, RefundKind
from gateways.base import FoundRefunds, GatewayRefund, RefundStatus
from storage import attempts, checkouts, refunds
from storage.events import alert, tell
from storage.tables import Attempt, Checkout, Refund


class RefundChecking:
    def __init__(self, context: Context) -> None:
        self._context = context

    @activity.defn
    async def check_refunds(self, task: AttemptTask) -> RefundsChecked:
        """Look up the refunds of an attempt and undo the successes that are none any more."""
        checkout, attempt = await self._rows(task)
        try:
            gateway = self._context.accounts.gateway(task.account)
        except KeyError:
            return RefundsChecked(done=False, detail="the account has no credentials")
        found = await gateway.look_up_refunds(await self._context.handle(checkout, attempt))
        if not isinstance(found, FoundRefunds):
            return RefundsChecked(done=False, detail=found.detail)
        failed = [each for each in found.refunds if each.status is RefundStatus.FAILED]
        taken_back = 0
        async with self._context.database.transaction() as session:
            row = await attempts.lock(session, attempt.id, checkout.id)
            for refund in await refunds.succeeded_of_attempt(session, row.id):
                for made in failed:
                    if _same(refund, made):
                        taken_back += await self._take_back(session, row, refund, made)
            # Its run may have heard of a success before this failure, and not written it yet.
            undecided = await refunds.open_of_attempt(session, row.id)
        waits = any(_same(refund, made) for refund in undecided for made in failed)
        return RefundsChecked(done=not waits, taken_back=taken_back)

    async def _rows(self, task: AttemptTask) -> tuple[Checkout, Attempt]:
        async with self._context.database.transaction() as session:
            checkout = await checkouts.get(session, task.checkout_id)
            attempt = await attempts.get(session, task.attempt_id)
        if checkout is None or attempt is None:
            raise Gone(task.attempt_id)
        return checkout, attempt

    async def _take_back(
        self, session: AsyncSession, attempt: Attempt, refund: Refund, made: GatewayRefund
    ) -> bool:
        """In one transaction: the refund, the attempt, the checkout, and everybody who has to know."""
        detail = made.detail or "the gateway took the refund back"
        if not await refunds.take_back(session, refund, failure=RefundFailure.RETURNED, detail=detail):
            return False
        if attempt.status == AttemptStatus.REFUNDED:
            await attempts.change(session, attempt.id, status=AttemptStatus.CAPTURED)
        after = await attempts.get(session, attempt.id)
        if after is None:
            raise Gone(attempt.id)
        await checkouts.refunded(session, after)
        again = refund.kind == RefundKind.COMPENSATION
        tell(
            session,
            refund.checkout_id,
            "refund.reopened" if again else "refund.failed",
            attempt_id=refund.attempt_id,
            refund_id=refund.id,
            amount=refund.amount,
            account=attempt.account,
            code=RefundFailure.RETURNED,
            detail=detail,
        )
        kind, subject = ("compensation.refused", attempt.id) if again else ("refund.failed", refund.id)
        await alert(session, kind, subject, f"{attempt.account}: {detail}, after it had succeeded")
        await checkouts.notify(session, refund.checkout_id)
        await announce_refund(session, refund.id)
        return True


def _same(refund: Refund, made: GatewayRefund) -> bool:
    known = refund.gateway_refund_id
    return made.refund_id == name_of(refund) or (known is not None and made.gateway_refund_id == known)
