"""Carry out one refund row, whoever asked for it: once, and looked up instead of repeated (I11, I12, G17).

    nothing has left    -> claim the send (committed), send, record the answer
    something may have  -> look up -> found: record it
                                   -> not found: send again only where that cannot refund twice

Its amount is reserved on the attempt before it gets here; here the reservation is settled or released.
"""

import time
from dataclasses import dataclass, replace

from sqlmodel.ext.asyncio.session import AsyncSession
from temporalio import activity

from activities.attempting import KEY_LIFE_MARGIN
from activities.context import STALLED_AFTER, Context, handle_of
from activities.errors import Gone
from activities.messages import RefundReport, RefundTask
from activities.refund_news import announce_refund
from domain.attempt import AttemptStatus
from domain.dispute import DisputeStatus
from domain.outcome import NotSent, NotSentCause, Unknown
from domain.refund import RefundFailure, RefundKind, RefundState
from domain.switches import Switch
from gateways.base import (
    FoundRefunds,
    Gateway,
    GatewayRefund,
    PaymentHandle,
    RefundAnswer,
    RefundRefused,
    RefundRequest,
    RefundStatus,
    RefusalCause,
)
from storage import attempts, checkouts, disputes, refunds, switches
from storage.events import alert, tell
from storage.tables import Attempt, Refund

FROZEN = "frozen by an operator"

MAX_REOPENED = 3
"""Times that a compensation is begun anew after the gateway had it and failed; then a person has to act."""

_FAILURES = {
    RefusalCause.LESS_LEFT: RefundFailure.ALREADY_REFUNDED,
    RefusalCause.DISPUTED: RefundFailure.DISPUTED,
    RefusalCause.OTHER: RefundFailure.REFUSED,
}
_MAY_ARRIVE = Unknown(detail="not found; it may still arrive")
_UNTOLD = Unknown(detail="the gateway has told nothing of it, cannot be asked, and its key has run out")
_DISPUTED = RefundRefused(detail="never arrived, and the payment is disputed", cause=RefusalCause.DISPUTED)
_WAITS_FOR_ANOTHER = "waits for another refund of the payment"


@dataclass(frozen=True)
class _Work:
    """A refund in hand. `send`: the number of the first send, claimed; None: an earlier one may have left."""

    refund: Refund
    attempt: Attempt
    handle: PaymentHandle
    gateway: Gateway
    send: int | None


class Refunding:
    def __init__(self, context: Context) -> None:
        self._context = context

    @activity.defn
    async def carry_out_refund(self, task: RefundTask) -> RefundReport:
        """Bring the refund a step further. Pending: call again later, nothing is refunded twice."""
        return await self.carry_out(task.refund_id, overdue=task.overdue)

    async def carry_out(self, refund_id: str, *, overdue: bool = False) -> RefundReport:
        """`overdue` raises an alert where the refund is still undecided. Raises Gone."""
        began = time.monotonic()
        work = await self._take(refund_id)
        if isinstance(work, RefundReport):
            return work
        work = replace(work, handle=await self._context.informed(work.handle, work.attempt.account))
        answer = await self._find_or_send(work, began)
        async with self._context.database.transaction() as session:
            report = await self._record(session, work, answer)
            if overdue and not report.status.final:
                message = f"{work.attempt.account} has not decided a refund in time: {report.detail}"
                await alert(session, "refund.overdue", refund_id, message)
        return report

    async def _take(self, refund_id: str) -> "_Work | RefundReport":
        """Claim the first send where nothing has left yet, or say why there is nothing to do now."""
        async with self._context.database.transaction() as session:
            refund = await refunds.get(session, refund_id)
            if refund is None:
                raise Gone(refund_id)
            attempt = await attempts.lock(session, refund.attempt_id, refund.checkout_id)
            checkout = await checkouts.get(session, refund.checkout_id)
            refund = await refunds.lock(session, refund_id)
            if checkout is None:
                raise Gone(refund.checkout_id)
            if RefundState(refund.status).final:
                return _report(refund)
            await refunds.looked(session, refund_id)
            try:
                gateway = self._context.accounts.gateway(attempt.account)
            except KeyError:
                await alert(
                    session, "refund.no_credentials", attempt.account, "A refund waits for credentials"
                )
                return _report(refund, "the account has no credentials")
            send = None
            if refund.sent_at is None:
                barred = await disputes.barring(session, attempt.id)
                if barred is not None:
                    return await self._barred(session, attempt, refund, barred)
                if refund.reopened > MAX_REOPENED:
                    return _report(refund, "failed at the gateway again and again")
                if await _frozen(session, refund, attempt):
                    return _report(refund, FROZEN, frozen=True)
                if not self._keyed(attempt) and await refunds.another_is_unclear(session, refund):
                    return _report(refund, _WAITS_FOR_ANOTHER)
                send = await refunds.claim_send(session, refund_id)
                _tell(session, refund, "refund.sent", account=attempt.account)
        return _Work(refund, attempt, handle_of(checkout, attempt), gateway, send)

    async def _find_or_send(self, work: _Work, began: float) -> RefundAnswer:
        if work.send is not None:
            return await self._send(work, began)
        found = await self._look_up(work)
        if found is not None:
            return found
        began = time.monotonic()
        instead = await self._claim_again(work)
        return await self._send(work, began) if instead is None else instead

    async def _look_up(self, work: _Work) -> GatewayRefund | Unknown | None:
        """The refund as the gateway has it; None: the gateway lists no such refund."""
        found = await work.gateway.look_up_refunds(work.handle)
        if not isinstance(found, FoundRefunds):
            return found
        name, known = name_of(work.refund), work.refund.gateway_refund_id
        for each in found.refunds:
            if each.refund_id == name or (known is not None and each.gateway_refund_id == known):
                return each
        return None

    async def _claim_again(self, work: _Work) -> Unknown | RefundRefused | None:
        """Claim a repeat of a refund that the gateway does not list: None, or why nothing is sent.

        Under a key that the gateway surely still knows a repeat is harmless. Otherwise the send before must
        have had the quiet period to arrive, by the database's clock.
        """
        async with self._context.database.transaction() as session:
            await attempts.lock(session, work.attempt.id, work.attempt.checkout_id)
            row = await refunds.lock(session, work.refund.id)
            if (row.status, row.sends) != (work.refund.status, work.refund.sends) or row.sent_at is None:
                return Unknown(detail="another worker has it in hand")
            if row.gateway_refund_id is not None:
                return Unknown(detail="taken by the gateway, not listed now")
            if await _frozen(session, row, work.attempt):
                return Unknown(detail=FROZEN)
            now = await refunds.clock(session)
            can = self._context.accounts.known[work.attempt.account].capabilities
            life = can.key_life
            key_lives = life is not None and now - row.sent_at < life - KEY_LIFE_MARGIN
            if can.told_by_webhook and not key_lives:
                return _UNTOLD
            quiet = self._context.quiet_period(work.attempt.account)
            may_arrive = now - (row.last_sent_at or row.sent_at) < quiet
            if not key_lives and may_arrive:
                return _MAY_ARRIVE
            if await disputes.barring(session, row.attempt_id) is not None:
                return _MAY_ARRIVE if may_arrive else _DISPUTED
            await refunds.claim_resend(session, row.id, renew_key=not key_lives)
            _tell(session, row, "refund.sent_again", account=work.attempt.account)
        return None

    async def _send(self, work: _Work, began: float) -> RefundAnswer:
        """Call, unless the process was stopped since the claim (W5): then somebody may have repeated it."""
        if time.monotonic() - began > STALLED_AFTER:
            return Unknown(detail="stalled before sending")
        refund = work.refund
        answer = await work.gateway.refund(
            RefundRequest(
                handle=work.handle,
                refund_id=name_of(refund),
                amount=refund.amount,
                idempotency_key=f"{name_of(refund)}:refund",
            )
        )
        if isinstance(answer, NotSent) and work.send is not None:
            async with self._context.database.transaction() as session:
                await refunds.record_not_sent(session, refund.id, work.send, answer.detail)
        if isinstance(answer, RefundRefused) and work.send is None:
            # The refusal may be about the money that an earlier send has given back.
            found = await self._look_up(work)
            return answer if found is None else found
        return answer

    async def _record(self, session: AsyncSession, work: _Work, answer: RefundAnswer) -> RefundReport:
        attempt = await attempts.lock(session, work.attempt.id, work.attempt.checkout_id)
        refund = await refunds.lock(session, work.refund.id)
        if RefundState(refund.status).final:
            return _report(refund)
        if refund.reopened != work.refund.reopened:
            return _report(refund, "begun anew meanwhile")
        match answer:
            case GatewayRefund(amount=amount) if amount != refund.amount:
                detail = f"the gateway refunded {amount} instead of {refund.amount}"
                await refunds.note(session, refund.id, detail=detail)
                await alert(session, "refund.mismatch", refund.id, detail)
            case GatewayRefund(status=RefundStatus.SUCCEEDED):
                return await self._succeeded(session, attempt, refund, answer)
            case GatewayRefund(status=RefundStatus.FAILED):
                detail = answer.detail or "the gateway could not bring the money to the customer"
                if refund.kind == RefundKind.COMPENSATION:
                    return await self._returned(session, attempt, refund, answer.gateway_refund_id, detail)
                await refunds.note(session, refund.id, gateway_refund_id=answer.gateway_refund_id)
                return await self._failed(session, attempt, refund, RefundFailure.RETURNED, detail)
            case GatewayRefund():
                detail = answer.detail or "pending at the gateway"
                if refund.gateway_refund_id is None:
                    _tell(session, refund, "refund.pending", account=attempt.account)
                await refunds.note(
                    session, refund.id, gateway_refund_id=answer.gateway_refund_id, detail=detail
                )
                return _report(refund, detail, taken=True)
            case RefundRefused(detail=detail, cause=refusal):
                return await self._failed(session, attempt, refund, _FAILURES[refusal], detail)
            case NotSent(cause=cause, detail=detail, retry_after=retry_after):
                if cause is NotSentCause.UNAUTHORIZED:
                    message = f"{attempt.account} refuses our credentials"
                    await alert(session, "account.unauthorized", attempt.account, message)
                await refunds.note(session, refund.id, detail=detail)
                return _report(refund, detail, retry_after=retry_after)
            case Unknown(detail=detail):
                await refunds.note(session, refund.id, detail=detail)
        return _report(refund, detail)

    async def _succeeded(
        self, session: AsyncSession, attempt: Attempt, refund: Refund, answer: GatewayRefund
    ) -> RefundReport:
        await refunds.settle(
            session, refund, failure=None, gateway_refund_id=answer.gateway_refund_id, detail=None
        )
        _tell(session, refund, "refund.succeeded", account=attempt.account)
        after = await attempts.get(session, attempt.id)
        if after is None:
            raise Gone(attempt.id)
        if after.amount_refunded == after.amount_captured:
            await attempts.change(session, after.id, status=AttemptStatus.REFUNDED)
            tell(
                session,
                after.checkout_id,
                "attempt.refunded",
                attempt_id=after.id,
                amount=after.amount_refunded,
            )
        await checkouts.refunded(session, after)
        await checkouts.notify(session, after.checkout_id)
        await announce_refund(session, refund.id)
        return RefundReport(status=RefundState.SUCCEEDED, taken=True)

    async def _failed(
        self, session: AsyncSession, attempt: Attempt, refund: Refund, failure: RefundFailure, detail: str
    ) -> RefundReport:
        """Definitely not refunded. A compensation stays open: its money must not stay where it is."""
        if refund.kind == RefundKind.COMPENSATION:
            await refunds.note(session, refund.id, detail=detail)
            await alert(session, "compensation.refused", attempt.id, detail)
            return _report(refund, detail)
        await refunds.settle(session, refund, failure=failure, detail=detail)
        _tell(session, refund, "refund.failed", account=attempt.account, code=failure, detail=detail)
        await alert(session, "refund.failed", refund.id, f"{attempt.account}: {detail}")
        await checkouts.notify(session, refund.checkout_id)
        await announce_refund(session, refund.id)
        return RefundReport(status=RefundState.FAILED, taken=False, detail=detail)

    async def _barred(
        self, session: AsyncSession, attempt: Attempt, refund: Refund, barred: DisputeStatus
    ) -> RefundReport:
        """Nothing has left, and nothing leaves: the money is withheld or gone. A compensation waits for the
        end of the dispute: if it is won, the money is still to be given back."""
        if refund.kind == RefundKind.MERCHANT:
            detail = f"the payment is disputed ({barred}); nothing was sent"
            return await self._failed(session, attempt, refund, RefundFailure.DISPUTED, detail)
        message = f"{attempt.account}: a late success that has to go back is disputed ({barred})"
        await alert(session, "compensation.disputed", attempt.id, message)
        await refunds.note(session, refund.id, detail=message)
        return _report(refund, message)

    async def _returned(
        self, session: AsyncSession, attempt: Attempt, refund: Refund, gateway_refund_id: str, detail: str
    ) -> RefundReport:
        """The gateway had a compensation and failed. Once it says so a second time it is begun anew."""
        await alert(session, "compensation.refused", attempt.id, detail)
        if refund.gateway_refund_id != gateway_refund_id:
            await refunds.note(session, refund.id, gateway_refund_id=gateway_refund_id, detail=detail)
        else:
            await refunds.renew(session, refund.id, detail=detail)
            _tell(session, refund, "refund.reopened", account=attempt.account, detail=detail)
        return _report(refund, detail)

    def _keyed(self, attempt: Attempt) -> bool:
        return self._context.accounts.known[attempt.account].capabilities.key_life is not None


async def _frozen(session: AsyncSession, refund: Refund, attempt: Attempt) -> bool:
    """Whether nothing may be sent for this refund now."""
    switch = Switch.COMPENSATION if refund.kind == RefundKind.COMPENSATION else Switch.REFUNDS
    return switch in await switches.around(session, attempt.account)


def name_of(refund: Refund) -> str:
    """What the gateway keeps of ours with a refund, and the root of its key: another one each time anew."""
    return f"{refund.id}_{refund.reopened}" if refund.reopened else refund.id


def _report(
    refund: Refund,
    detail: str | None = None,
    *,
    taken: bool = False,
    retry_after: float | None = None,
    frozen: bool = False,
) -> RefundReport:
    return RefundReport(
        status=RefundState(refund.status),
        taken=taken or refund.gateway_refund_id is not None,
        retry_after=retry_after,
        detail=detail,
        frozen=frozen,
    )


def _tell(session: AsyncSession, refund: Refund, kind: str, **data: object) -> None:
    tell(
        session,
        refund.checkout_id,
        kind,
        attempt_id=refund.attempt_id,
        refund_id=refund.id,
        amount=refund.amount,
        **data,
    )
