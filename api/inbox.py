"""The webhook inbox: store, then tell the run it concerns."""

import hashlib

import structlog
from temporalio.service import RPCError

from api.dispute_runs import look_at_disputes, scan_disputes
from api.refund_runs import check_refunds, tell_refunds
from api.runs import start_watcher, tell_news
from api.services import Services
from config import tracing
from domain.attempt import AttemptStatus
from domain.checkout import CheckoutStatus
from domain.ids import Prefix, new_id
from gateways.base import EventSubject, WebhookEvent
from storage import attempts, checkouts, traces, webhook_events
from storage.events import alert, tell
from storage.tables import Attempt, WebhookEventRow

log = structlog.get_logger()


async def receive(parts: Services, account: str, event: WebhookEvent, body: bytes) -> None:
    """Keep a verified event, once, and tell its run. Raises SQLAlchemyError: then it is not acknowledged.

    Where the run cannot be told now, the event stays undelivered and the sweep tells it.
    """
    row = WebhookEventRow(
        id=new_id(Prefix.EVENT),
        account=account,
        dedupe_key=event.event_id or hashlib.sha256(body).hexdigest(),
        kind=event.kind[:200],
        reference=event.reference,
        payment_id=event.payment_id,
        subject=event.subject,
        notice=event.notice,
    )
    async with parts.database.transaction() as session:
        new = await webhook_events.store(session, row)
    if not new:
        return
    try:
        await deliver(parts, row)
    except RPCError as error:
        log.warning("webhook.undelivered", event_id=row.id, error=type(error).__name__)
        parts.door.temporal_failed()


async def deliver(parts: Services, event: WebhookEventRow) -> None:
    """Tell the run that the event concerns. Raises RPCError where Temporal cannot be asked."""
    attempt = await _attempt_of(parts, event)
    if attempt is None or not tracing.on():
        await _deliver(parts, event, attempt)
        return
    async with parts.database.transaction() as session:
        carried = await traces.of_checkout(session, attempt.checkout_id)
    about = {"checkout_id": attempt.checkout_id, "attempt_id": attempt.id, "account": event.account}
    with tracing.joined(carried, "webhook", **about):
        await _deliver(parts, event, attempt)


async def _deliver(parts: Services, event: WebhookEventRow, attempt: Attempt | None) -> None:
    if attempt is not None and event.subject == EventSubject.FAILED_REFUND:
        await check_refunds(parts, attempt)
    if attempt is not None and event.subject == EventSubject.FAILED_CAPTURE:
        await _capture_failed(parts, attempt)
    if event.subject == EventSubject.DISPUTE and attempt is None:
        # It may name the payment in a way that only the gateway's own list resolves.
        await scan_disputes(parts, event.account)
        disposition = "scanned"
    elif attempt is None:
        disposition = "unrelated"
    elif event.subject == EventSubject.DISPUTE:
        await look_at_disputes(parts, attempt)
        disposition = "signalled"
    elif await tell_refunds(parts, attempt.id):
        disposition = "signalled"
    elif await _counted(parts, attempt):
        disposition = "known"
    elif await tell_news(parts.temporal, attempt.id):
        disposition = "signalled"
    elif await _open(parts, attempt):
        # Its checkout's run is lost. Started again, it looks the attempt up (T3); a watcher would refund it.
        disposition = "recovering"
    else:
        # Nobody waits for this attempt any more: one look whether it took money after all (H5).
        await start_watcher(parts.temporal, parts.settings, attempt, watch_for=0)
        disposition = "closed"
    async with parts.database.transaction() as session:
        if attempt is None and event.reference is not None:
            # Whether there is money under it, the next reconciliation of the account says (H5).
            message = f"{event.account} tells of {event.reference}, which is no attempt of ours there"
            await alert(session, "webhook.unknown_reference", f"{event.account}/{event.reference}", message)
        await webhook_events.mark_delivered(session, event.id, disposition)
    log.info("webhook.delivered", event_id=event.id, account=event.account, disposition=disposition)


async def _capture_failed(parts: Services, attempt: Attempt) -> None:
    """The bank did not pay what counted as taken. That cannot be undone here: a person has to know."""
    message = f"{attempt.account}: the bank did not pay a capture that had succeeded"
    async with parts.database.transaction() as session:
        await alert(session, "capture.failed", attempt.id, message)
        tell(session, attempt.checkout_id, "capture.failed", attempt_id=attempt.id, account=attempt.account)


async def _counted(parts: Services, attempt: Attempt) -> bool:
    """Whether the checkout has this attempt's captured money already: the event is no news."""
    if attempt.status != AttemptStatus.CAPTURED:
        return False
    async with parts.database.transaction() as session:
        checkout = await checkouts.get(session, attempt.checkout_id)
    return checkout is not None and checkout.paid_attempt_id == attempt.id


async def _open(parts: Services, attempt: Attempt) -> bool:
    """Whether the checkout may still take this attempt's money."""
    async with parts.database.transaction() as session:
        checkout = await checkouts.get(session, attempt.checkout_id)
        gone_on = await attempts.later_exists(session, attempt.checkout_id, attempt.number)
    return checkout is not None and not CheckoutStatus(checkout.status).final and not gone_on


async def _attempt_of(parts: Services, event: WebhookEventRow) -> Attempt | None:
    """The attempt that the event names, by our reference or the gateway's id; only of its own account."""
    async with parts.database.transaction() as session:
        attempt = None
        if event.reference is not None:
            attempt = await attempts.get(session, event.reference)
        if attempt is None and event.payment_id is not None:
            attempt = await attempts.by_payment_id(session, event.account, event.payment_id)
    return attempt if attempt is not None and attempt.account == event.account else None
