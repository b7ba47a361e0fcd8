"""Compare an account's own books with ours, a page at a time, and keep what does not agree.

    the gateway's list, page by page -> each payment against its attempt
    our attempts with money that were not listed -> looked up
    breaks of earlier runs outside the window -> looked up

A difference is confirmed by a look-up before it becomes a break: between reading their side and ours a
payment may have gone on. Nothing here moves money. An attempt on which the gateway has money that we do not
count is reported to the workflow, which wakes what watches over it.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

from temporalio import activity

from activities.context import Context
from activities.errors import Gone, NotListed
from activities.reconciliation_messages import (
    BeginReconciliation,
    EndReconciliation,
    Reconcilable,
    ReconcilePart,
    ReconciliationEnd,
    ReconciliationPart,
    Stray,
    Watching,
)
from domain.attempt import AttemptStatus
from domain.checkout import CheckoutStatus
from domain.outcome import Frozen, GatewayPayment, NotSent, Unknown
from domain.reconciliation import Judgement, Ours, ReconciliationStatus, Theirs, Verdict, judge
from gateways.base import Found, FoundRefunds, Gateway, ListedPayment, PaymentPage, RefundStatus
from storage import attempts, reconciliations
from storage.events import alert
from storage.tables import Attempt, Checkout, Reconciliation, ReconciliationBreak, ReconciliationItem

PAGES_AT_ONCE = 50
"""Pages of one activity: few enough for a short run, enough for a short history."""
STRAYS_AT_ONCE = 100
BATCH = 100


class _Pair(Frozen):
    """A payment at the gateway and the attempt it belongs to, one of them unknown perhaps."""

    subject: str
    reference: str | None
    theirs: Theirs | None
    attempt_id: str | None
    judgement: Judgement


class Reconciling:
    def __init__(self, context: Context) -> None:
        self._context = context

    @activity.defn
    async def list_reconcilable(self) -> Reconcilable:
        """The accounts that can be asked, whose gateways list payments, and how far back each of them is."""
        known = self._context.accounts.known.values()
        listing = [each for each in known if each.has_credentials and each.capabilities.lists_payments]
        return Reconcilable(
            accounts=tuple(sorted(account.name for account in listing)),
            window=self._context.settings.reconcile_window,
        )

    @activity.defn
    async def begin_reconciliation(self, task: BeginReconciliation) -> Watching:
        """Write the run down. Answers how an attempt is watched whose money turns up."""
        settings = self._context.settings
        async with self._context.database.transaction() as session:
            await reconciliations.begin(
                session,
                Reconciliation(
                    id=task.id,
                    account=task.account,
                    since=task.since,
                    until=task.until,
                    status=ReconciliationStatus.RUNNING,
                ),
            )
        return Watching(
            intervals=settings.watch_intervals,
            watch_for=settings.watch_for,
            timeout=3 * settings.look_up_timeout,
        )

    @activity.defn
    async def reconcile_listed(self, task: ReconcilePart) -> ReconciliationPart:
        """Compare some pages of the gateway's list. Raises NotListed where a page is not answered."""
        run = await self._run(task.id)
        cursor = safe = _resumed(task.cursor)
        strays: list[Stray] = []
        for _ in range(PAGES_AT_ONCE):
            answer = await self._gateway(run.account).list_payments(run.since, run.until, cursor)
            if isinstance(answer, NotSent):
                raise NotListed(answer.detail, pause=answer.retry_after)
            if isinstance(answer, Unknown):
                raise NotListed(answer.detail)
            strays += await self._page(run, answer, safe)
            cursor = answer.next_cursor
            if cursor is None or len(strays) >= STRAYS_AT_ONCE:
                break
            if not strays:  # a repeat goes on from here: it would not find them again
                safe = cursor
            activity.heartbeat(safe)
        return ReconciliationPart(cursor=cursor, strays=tuple(strays))

    @activity.defn
    async def reconcile_unlisted(self, task: ReconcilePart) -> ReconciliationPart:
        """Look up attempts that have money here and were not listed."""
        run = await self._run(task.id)
        cursor = _resumed(task.cursor) or ""
        async with self._context.database.transaction() as session:
            found = await reconciliations.unlisted(session, run, after=cursor, limit=BATCH)
        for attempt, checkout in found:
            pair = await self._looked_up(attempt, checkout, None)
            await self._keep(run, [pair])
            activity.heartbeat(attempt.id)
            cursor = attempt.id
        return ReconciliationPart(cursor=cursor if len(found) == BATCH else None)

    @activity.defn
    async def reconcile_breaks(self, task: ReconcilePart) -> ReconciliationPart:
        """Look at the open breaks that this run has not come across, whether the sides agree by now."""
        run = await self._run(task.id)
        cursor = _resumed(task.cursor) or ""
        async with self._context.database.transaction() as session:
            found = await reconciliations.open_breaks(
                session, run.account, not_seen_by=run.id, after=cursor, limit=BATCH
            )
        for each in found:
            await self._recheck(run, each)
            activity.heartbeat(each.id)
            cursor = each.id
        return ReconciliationPart(cursor=cursor if len(found) == BATCH else None)

    @activity.defn
    async def end_reconciliation(self, task: EndReconciliation) -> ReconciliationEnd:
        """Tell duplicates, count, and close the run."""
        run = await self._run(task.id)
        async with self._context.database.transaction() as session:
            for item in await reconciliations.duplicates(session, run.id):
                item.verdict = Verdict.DUPLICATE
                await reconciliations.tell_break(session, _duplicate(run, item))
            counts = await reconciliations.end(session, run.id, task.status, task.detail)
            if task.status is ReconciliationStatus.FAILED:
                message = f"{run.account} could not be reconciled: {task.detail}"
                await alert(session, "reconciliation.failed", f"{run.account}/{run.id}", message)
        return ReconciliationEnd(counts=dict(counts))

    async def _run(self, run_id: str) -> Reconciliation:
        async with self._context.database.transaction() as session:
            run = await reconciliations.get(session, run_id)
        if run is None:
            raise Gone(run_id)
        return run

    async def _page(self, run: Reconciliation, page: PaymentPage, safe: str | None) -> list[Stray]:
        rows = await self._rows(run.account, page.payments)
        pairs: list[_Pair] = []
        strays: list[Stray] = []
        for listed in page.payments:
            attempt, checkout = _row_of(listed, rows)
            pair = await self._compare(attempt, checkout, listed)
            pairs.append(pair)
            activity.heartbeat(safe)
            if pair.judgement.verdict is Verdict.MISSING_HERE and attempt and checkout:
                strays.append(_stray(attempt, checkout))
        await self._keep(run, pairs, unreadable=page.unreadable)
        return strays

    async def _rows(
        self, account: str, listed: Iterable[ListedPayment]
    ) -> Sequence[tuple[Attempt, Checkout]]:
        payments = list(listed)
        async with self._context.database.transaction() as session:
            return await reconciliations.known(
                session,
                account,
                references=[item.reference for item in payments if item.reference is not None],
                payment_ids=[item.payment_id for item in payments],
            )

    async def _compare(
        self, attempt: Attempt | None, checkout: Checkout | None, listed: ListedPayment
    ) -> _Pair:
        theirs = _theirs(listed, listed.amount_refunded)
        if attempt is None or checkout is None:
            return _pair(None, theirs, listed.reference, judge(None, theirs))
        if theirs.refunded is None and (attempt.amount_refunded or attempt.amount_reserved):
            theirs = await self._with_refunds(attempt, checkout, theirs)
        judgement = judge(self._ours(attempt, checkout), theirs)
        if not judgement.verdict.broken:
            return _pair(attempt, theirs, listed.reference, judgement)
        return await self._looked_up(attempt, checkout, theirs.payment_id)

    async def _looked_up(self, attempt: Attempt, checkout: Checkout, payment_id: str | None) -> _Pair:
        """The same question answered by a look-up and by the row as it is now."""
        if attempt.sent_at is None:
            return _pair(attempt, None, attempt.id, Judgement(verdict=Verdict.UNCHECKED))
        gateway = self._gateway(attempt.account)
        handle = await self._context.handle(checkout, attempt)
        wanted = payment_id or attempt.gateway_payment_id
        answer = await gateway.look_up(handle.model_copy(update={"payment_id": wanted}))
        fresh = await self._fresh(attempt)
        if not isinstance(answer, Found):
            return _pair(attempt, None, attempt.id, Judgement(verdict=Verdict.UNCHECKED), subject=wanted)
        found = _best(answer.payments, wanted)
        theirs = None if found is None else _theirs(found, found.amount_refunded)
        if theirs is not None and theirs.money and (fresh.amount_refunded or fresh.amount_reserved):
            theirs = await self._with_refunds(fresh, checkout, theirs)
        judgement = judge(self._ours(fresh, checkout), theirs)
        return _pair(fresh, theirs, attempt.id, judgement, subject=wanted)

    async def _with_refunds(self, attempt: Attempt, checkout: Checkout, theirs: Theirs) -> Theirs:
        """The gateway's own word on what went back; unchanged where it does not answer."""
        gateway = self._gateway(attempt.account)
        handle = await self._context.handle(checkout, attempt)
        found = await gateway.look_up_refunds(handle.model_copy(update={"payment_id": theirs.payment_id}))
        if not isinstance(found, FoundRefunds):
            return theirs.model_copy(update={"refunded": None})
        back = sum(each.amount for each in found.refunds if each.status is not RefundStatus.FAILED)
        return theirs.model_copy(update={"refunded": back})

    def _gateway(self, account: str) -> Gateway:
        try:
            return self._context.accounts.gateway(account)
        except KeyError:
            raise NotListed(f"{account} has no credentials") from None

    async def _fresh(self, attempt: Attempt) -> Attempt:
        async with self._context.database.transaction() as session:
            row = await attempts.get(session, attempt.id)
        if row is None:
            raise Gone(attempt.id)
        return row

    async def _keep(self, run: Reconciliation, pairs: Sequence[_Pair], *, unreadable: int = 0) -> None:
        """Write what the pairs came to: items, breaks with their alerts, and what is resolved."""
        rows = {}
        async with self._context.database.transaction() as session:
            ids = [pair.attempt_id for pair in pairs if pair.attempt_id is not None]
            for attempt, checkout in await reconciliations.known(
                session, run.account, references=ids, payment_ids=[]
            ):
                rows[attempt.id] = reconciliations.summary(attempt, checkout)
            for pair in pairs:
                if pair.judgement.verdict.broken:
                    await reconciliations.tell_break(session, _break(run, pair, rows))
            agreed = [pair for pair in pairs if pair.judgement.verdict is Verdict.MATCH]
            subjects = [name for pair in agreed for name in (pair.subject, pair.attempt_id) if name]
            if subjects:
                await reconciliations.resolve(session, run.account, subjects)
            await reconciliations.add_items(session, [_item(run, pair) for pair in pairs])
            await reconciliations.progress(session, run.id, unreadable=unreadable)

    async def _recheck(self, run: Reconciliation, known: ReconciliationBreak) -> None:
        if known.reference is None:
            return  # nothing of ours to look it up by; a list shows when its money went back
        async with self._context.database.transaction() as session:
            rows = await reconciliations.known(
                session, run.account, references=[known.reference], payment_ids=[]
            )
        for attempt, checkout in rows:
            pair = await self._looked_up(attempt, checkout, known.payment_id)
            if pair.judgement.verdict is Verdict.MATCH:
                async with self._context.database.transaction() as session:
                    await reconciliations.resolve(session, run.account, [known.subject])

    def _ours(self, attempt: Attempt, checkout: Checkout) -> Ours:
        grace = timedelta(seconds=self._context.settings.reconcile_grace)
        began = attempt.last_sent_at or attempt.created_at
        return Ours(
            status=AttemptStatus(attempt.status),
            payment_id=attempt.gateway_payment_id,
            amount=checkout.amount,
            currency=checkout.currency,
            captured=attempt.amount_captured,
            refunded=attempt.amount_refunded,
            reserved=attempt.amount_reserved,
            young=datetime.now(UTC) - began < grace,
        )


def _resumed(cursor: str | None) -> str | None:
    """Where an earlier try of this activity had got to."""
    details = activity.info().heartbeat_details
    return str(details[0]) if details and details[0] else cursor


def _row_of(
    listed: ListedPayment, rows: Sequence[tuple[Attempt, Checkout]]
) -> tuple[Attempt, Checkout] | tuple[None, None]:
    """The attempt that the payment bears the reference of, else the one that knows its id."""
    for attempt, checkout in rows:
        if attempt.id == listed.reference:
            return attempt, checkout
    for attempt, checkout in rows:
        if attempt.gateway_payment_id == listed.payment_id and listed.reference is None:
            return attempt, checkout
    return None, None


def _best(payments: Sequence[GatewayPayment], wanted: str | None) -> GatewayPayment | None:
    """The payment with this id; without an id, or where it is not there, one that has money."""
    for payment in payments:
        if payment.payment_id == wanted:
            return payment
    return max(payments, key=lambda payment: _theirs(payment, None).money, default=None)


def _theirs(payment: ListedPayment | GatewayPayment, refunded: int | None) -> Theirs:
    return Theirs(
        status=payment.status,
        payment_id=payment.payment_id,
        amount=payment.amount,
        currency=payment.currency,
        captured=payment.amount_captured,
        refunded=refunded,
    )


def _pair(
    attempt: Attempt | None,
    theirs: Theirs | None,
    reference: str | None,
    judgement: Judgement,
    *,
    subject: str | None = None,
) -> _Pair:
    named = theirs.payment_id if theirs is not None else subject
    return _Pair(
        subject=named or (attempt.id if attempt is not None else reference or ""),
        reference=reference,
        theirs=theirs,
        attempt_id=None if attempt is None else attempt.id,
        judgement=judgement,
    )


def _stray(attempt: Attempt, checkout: Checkout) -> Stray:
    """Whom the money concerns: the checkout's run while it may still be adopted, else a watcher."""
    return Stray(
        checkout_id=checkout.id,
        attempt_id=attempt.id,
        account=attempt.account,
        abandoned=CheckoutStatus(checkout.status).final or AttemptStatus(attempt.status).settled,
    )


def _item(run: Reconciliation, pair: _Pair) -> ReconciliationItem:
    return ReconciliationItem(
        reconciliation_id=run.id,
        subject=pair.subject,
        reference=pair.reference,
        verdict=pair.judgement.verdict,
        live=pair.theirs is not None and pair.theirs.live,
    )


def _break(run: Reconciliation, pair: _Pair, rows: dict[str, dict[str, object]]) -> ReconciliationBreak:
    return ReconciliationBreak(
        id="",
        account=run.account,
        subject=pair.subject,
        reconciliation_id=run.id,
        verdict=pair.judgement.verdict,
        fields=list(pair.judgement.fields),
        reference=pair.reference,
        payment_id=None if pair.theirs is None else pair.theirs.payment_id,
        ours=None if pair.attempt_id is None else rows.get(pair.attempt_id),
        theirs=None if pair.theirs is None else pair.theirs.model_dump(mode="json", exclude={"payment_id"}),
    )


def _duplicate(run: Reconciliation, item: ReconciliationItem) -> ReconciliationBreak:
    return ReconciliationBreak(
        id="",
        account=run.account,
        subject=item.subject,
        reconciliation_id=run.id,
        verdict=Verdict.DUPLICATE,
        fields=[],
        reference=item.reference,
        payment_id=item.subject,
        ours=None,
        theirs={"live": True},
    )
