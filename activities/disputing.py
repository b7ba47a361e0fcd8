"""Keep the disputes of payments as the gateways tell them, whatever a webhook says."""

from datetime import UTC, datetime, timedelta

from sqlmodel.ext.asyncio.session import AsyncSession
from temporalio import activity

from activities.context import Context
from activities.errors import Gone, Unsettled
from activities.messages import AttemptTask, DisputedAttempts, DisputeReport, FindDisputes
from domain.dispute import DisputeStatus
from domain.ids import Prefix, new_id
from domain.money import to_major
from gateways.base import DisputedPayment, DisputedPayments, FoundDisputes, GatewayDispute
from storage import attempts, checkouts, disputes
from storage.events import alert, tell
from storage.tables import Attempt, Checkout, Dispute

SCANNED = timedelta(days=30)
"""How far back an account's list is read: much longer than any pause between two scans."""


class Disputing:
    def __init__(self, context: Context) -> None:
        self._context = context

    @activity.defn
    async def look_up_disputes(self, task: AttemptTask) -> DisputeReport:
        """Record every dispute of the payment as it is now."""
        checkout, attempt = await self._rows(task)
        try:
            gateway = self._context.accounts.gateway(task.account)
        except KeyError:
            async with self._context.database.transaction() as session:
                message = "A disputed payment waits for credentials"
                await alert(session, "dispute.no_credentials", task.account, message)
            return DisputeReport(answered=False, detail="the account has no credentials")
        async with self._context.database.transaction() as session:
            looked_at = await disputes.clock(session)
        found = await gateway.look_up_disputes(await self._context.handle(checkout, attempt))
        if not isinstance(found, FoundDisputes):
            return DisputeReport(answered=False, detail=found.detail)
        async with self._context.database.transaction() as session:
            row = await attempts.lock(session, attempt.id, checkout.id)
            for each in found.disputes:
                await _record(session, row, each, looked_at)
            known = await disputes.of_attempt(session, row.id)
        return DisputeReport(answered=True, statuses=tuple(DisputeStatus(each.status) for each in known))

    @activity.defn
    async def find_disputes(self, task: FindDisputes) -> DisputedAttempts:
        """The attempts whose disputes are not known as the gateway lists them. Raises Unsettled."""
        gateway = self._context.accounts.gateway(task.account)
        found = await gateway.disputed_payments((datetime.now(UTC) - SCANNED).date())
        if not isinstance(found, DisputedPayments):
            raise Unsettled(f"disputes of {task.account}: {found.detail}")
        news: dict[str, AttemptTask] = {}
        async with self._context.database.transaction() as session:
            for payment in found.payments:
                attempt = await _attempt_of(session, task.account, payment)
                if attempt is None or attempt.id in news:
                    continue
                known = await disputes.known(session, attempt.id, payment.gateway_dispute_id)
                if known is None or known.status != payment.status:
                    news[attempt.id] = AttemptTask(
                        checkout_id=attempt.checkout_id, attempt_id=attempt.id, account=attempt.account
                    )
        return DisputedAttempts(attempts=tuple(news.values()))

    async def _rows(self, task: AttemptTask) -> tuple[Checkout, Attempt]:
        async with self._context.database.transaction() as session:
            checkout = await checkouts.get(session, task.checkout_id)
            attempt = await attempts.get(session, task.attempt_id)
        if checkout is None or attempt is None:
            raise Gone(task.attempt_id)
        return checkout, attempt


async def _attempt_of(session: AsyncSession, account: str, payment: DisputedPayment) -> Attempt | None:
    attempt = None
    if payment.reference is not None:
        attempt = await attempts.get(session, payment.reference)
    if attempt is None and payment.payment_id is not None:
        attempt = await attempts.by_payment_id(session, account, payment.payment_id)
    return attempt if attempt is not None and attempt.account == account else None


async def _record(
    session: AsyncSession, attempt: Attempt, found: GatewayDispute, looked_at: datetime
) -> None:
    """Write one dispute of an attempt that the caller holds, and tell what is new."""
    known = await disputes.known(session, attempt.id, found.gateway_dispute_id)
    if known is None:
        known = Dispute(
            id=new_id(Prefix.DISPUTE),
            checkout_id=attempt.checkout_id,
            attempt_id=attempt.id,
            gateway_dispute_id=found.gateway_dispute_id,
            status=found.status,
            amount=found.amount,
            currency=found.currency,
            reason=found.reason,
            opened_at=found.opened_at or looked_at,
            closed_at=None if found.status.open else looked_at,
            looked_at=looked_at,
        )
        await disputes.create(session, known)
        await _opened(session, attempt, known)
    else:
        before = known.status
        if not await disputes.record(
            session, known.id, found.status, looked_at, amount=found.amount, reason=found.reason
        ):
            return
        if before == found.status:
            return
    _tell(session, known, f"dispute.{found.status}", account=attempt.account)
    if found.status is DisputeStatus.LOST:
        message = f"{attempt.account}: {_sum(found)} went back to the customer through the bank"
        await alert(session, "dispute.lost", known.id, message)
    await checkouts.notify(session, attempt.checkout_id)


async def _opened(session: AsyncSession, attempt: Attempt, dispute: Dispute) -> None:
    _tell(session, dispute, "dispute.opened", account=attempt.account, reason=dispute.reason)
    message = (
        f"{attempt.account}: {to_major(dispute.amount, dispute.currency)} {dispute.currency} of"
        f" {attempt.id} is disputed; answer it in the gateway's dashboard"
    )
    await alert(session, "dispute.opened", dispute.id, message)


def _tell(session: AsyncSession, dispute: Dispute, kind: str, **data: object) -> None:
    tell(
        session,
        dispute.checkout_id,
        kind,
        attempt_id=dispute.attempt_id,
        dispute_id=dispute.id,
        amount=dispute.amount,
        **data,
    )


def _sum(found: GatewayDispute) -> str:
    return f"{to_major(found.amount, found.currency)} {found.currency}"
