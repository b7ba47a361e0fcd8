"""Rows whose run ought to be there: what a walk asks Temporal after, page by page, by id."""

from collections.abc import Sequence

from sqlalchemy import and_, func, or_
from sqlmodel import col, select, update
from sqlmodel.ext.asyncio.session import AsyncSession

from domain.attempt import AttemptStatus
from domain.checkout import FINAL, CheckoutStatus
from domain.refund import FINAL as REFUND_FINAL
from domain.refund import RefundKind
from storage import checkouts
from storage.events import tell
from storage.tables import Attempt, Checkout, Notification, Refund

_LEFT = (
    AttemptStatus.STARTED,
    AttemptStatus.REQUIRES_ACTION,
    AttemptStatus.PENDING,
    AttemptStatus.UNKNOWN,
    AttemptStatus.NOT_FOUND,
)


def _ago(seconds: float) -> object:
    return func.now() - func.make_interval(0, 0, 0, 0, 0, 0, seconds)


async def quiet_checkouts(
    session: AsyncSession, *, quiet_for: float, after: str, limit: int
) -> Sequence[Checkout]:
    """Open checkouts of which nothing was heard for so many seconds, nor a send has left."""
    sent_since = (
        select(col(Attempt.id))
        .where(col(Attempt.checkout_id) == col(Checkout.id), col(Attempt.last_sent_at) > _ago(quiet_for))
        .exists()
    )
    found = await session.exec(
        select(Checkout)
        .where(
            col(Checkout.status).not_in(FINAL),
            col(Checkout.updated_at) < _ago(quiet_for),
            col(Checkout.id) > after,
            ~sent_since,
        )
        .order_by(col(Checkout.id))
        .limit(limit)
    )
    return found.all()


async def still_open(session: AsyncSession, checkout_id: str) -> Checkout | None:
    """The checkout as it is now, unless it has ended meanwhile."""
    row = await checkouts.lock(session, checkout_id)
    return None if row is None or CheckoutStatus(row.status).final else row


async def restarted(session: AsyncSession, checkout_id: str) -> None:
    """Its run was lost and is started again; it is not asked after for a while."""
    await session.exec(
        update(Checkout).where(col(Checkout.id) == checkout_id).values(updated_at=func.clock_timestamp())
    )
    tell(session, checkout_id, "checkout.run_restarted")


async def left_behind(
    session: AsyncSession, *, quiet_for: float, watch_for: float, after: str, limit: int
) -> Sequence[Attempt]:
    """Attempts that their checkout has passed by and money may still arrive on: each has a watcher."""
    later = Attempt.__table__.alias("later")  # type: ignore[attr-defined]  # SQLModel hides its table
    gone_on = (
        select(later.c.id)
        .where(later.c.checkout_id == col(Attempt.checkout_id), later.c.number > col(Attempt.number))
        .exists()
    )
    found = await session.exec(
        select(Attempt)
        .join(Checkout, col(Checkout.id) == col(Attempt.checkout_id))
        .where(
            or_(
                col(Attempt.status).in_(_LEFT),
                and_(
                    col(Attempt.closed_at).is_not(None),
                    col(Attempt.status).in_((AttemptStatus.DECLINED, AttemptStatus.CANCELED)),
                ),
            ),
            col(Attempt.sent_at) > _ago(watch_for),
            col(Attempt.last_sent_at) < _ago(quiet_for),
            col(Checkout.paid_attempt_id).is_distinct_from(col(Attempt.id)),
            or_(col(Checkout.status).in_(FINAL), gone_on),
            col(Attempt.id) > after,
        )
        .order_by(col(Attempt.id))
        .limit(limit)
    )
    return found.all()


async def quiet_refunds(
    session: AsyncSession, *, quiet_for: float, after: str, limit: int
) -> Sequence[Refund]:
    """Undecided refunds of merchants that no worker has had in hand for so many seconds."""
    found = await session.exec(
        select(Refund)
        .where(
            col(Refund.kind) == RefundKind.MERCHANT,
            col(Refund.status).not_in(REFUND_FINAL),
            func.coalesce(col(Refund.looked_at), col(Refund.created_at)) < _ago(quiet_for),
            col(Refund.id) > after,
        )
        .order_by(col(Refund.id))
        .limit(limit)
    )
    return found.all()


async def quiet_notifications(
    session: AsyncSession, *, quiet_for: float, after: str, limit: int
) -> Sequence[Notification]:
    """Undelivered notifications whose run was started, and of which nothing was heard for so long."""
    found = await session.exec(
        select(Notification)
        .where(
            col(Notification.delivered_at).is_(None),
            col(Notification.gave_up_at).is_(None),
            col(Notification.start_at).is_(None),
            func.coalesce(col(Notification.last_attempt_at), col(Notification.created_at)) < _ago(quiet_for),
            col(Notification.id) > after,
        )
        .order_by(col(Notification.id))
        .limit(limit)
    )
    return found.all()


async def deliver_again(session: AsyncSession, notification_id: str) -> None:
    """Have a run started for it, unless it was delivered meanwhile."""
    await session.exec(
        update(Notification)
        .where(
            col(Notification.id) == notification_id,
            col(Notification.delivered_at).is_(None),
            col(Notification.gave_up_at).is_(None),
            col(Notification.start_at).is_(None),
        )
        .values(start_at=func.now())
    )
