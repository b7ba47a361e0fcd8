"""Reconciliations: runs, what they have compared so far, and the breaks that they found."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import and_, delete, func, or_
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select, update
from sqlmodel.ext.asyncio.session import AsyncSession

from domain.attempt import AttemptStatus
from domain.ids import Prefix, new_id
from domain.reconciliation import ReconciliationStatus, Verdict
from storage.events import alert
from storage.tables import Attempt, Checkout, Reconciliation, ReconciliationBreak, ReconciliationItem

_MONEY = (AttemptStatus.AUTHORIZED, AttemptStatus.CAPTURED, AttemptStatus.REFUNDED)


async def begin(session: AsyncSession, run: Reconciliation) -> None:
    """Insert the run; nothing happens where it is there."""
    values = run.model_dump(exclude={"started_at"})
    await session.exec(insert(Reconciliation).values(**values).on_conflict_do_nothing())


async def get(session: AsyncSession, run_id: str) -> Reconciliation | None:
    query = select(Reconciliation).where(col(Reconciliation.id) == run_id)
    return (await session.exec(query.execution_options(populate_existing=True))).first()


async def latest(
    session: AsyncSession, *, limit: int, account: str | None = None
) -> Sequence[Reconciliation]:
    """The last runs, newest first."""
    query = select(Reconciliation).order_by(col(Reconciliation.started_at).desc()).limit(limit)
    if account is not None:
        query = query.where(col(Reconciliation.account) == account)
    return (await session.exec(query)).all()


async def known(
    session: AsyncSession, account: str, *, references: Sequence[str], payment_ids: Sequence[str]
) -> Sequence[tuple[Attempt, Checkout]]:
    """Attempts at this account behind these references or payment ids, each with its checkout."""
    found = await session.exec(
        select(Attempt, Checkout)
        .join(Checkout, col(Checkout.id) == col(Attempt.checkout_id))
        .where(
            col(Attempt.account) == account,
            or_(col(Attempt.id).in_(references), col(Attempt.gateway_payment_id).in_(payment_ids)),
        )
        .execution_options(populate_existing=True)
    )
    return found.all()


async def add_items(session: AsyncSession, items: Sequence[ReconciliationItem]) -> None:
    """Note what was compared; a payment that is listed twice counts once, as it was seen last."""
    for item in items:
        statement = insert(ReconciliationItem).values(**item.model_dump())
        changes = {name: statement.excluded[name] for name in ("reference", "verdict", "live")}
        await session.exec(
            statement.on_conflict_do_update(index_elements=["reconciliation_id", "subject"], set_=changes)
        )


async def progress(session: AsyncSession, run_id: str, *, unreadable: int) -> None:
    counted = select(func.count()).where(col(ReconciliationItem.reconciliation_id) == run_id)
    await session.exec(
        update(Reconciliation)
        .where(col(Reconciliation.id) == run_id)
        .values(listed=counted.scalar_subquery(), unreadable=col(Reconciliation.unreadable) + unreadable)
    )


async def duplicates(session: AsyncSession, run_id: str) -> Sequence[ReconciliationItem]:
    """Payments with money beside another one with money under the same reference, not yet told as such.

    The one that is counted as a match is left out; where none is, all are told.
    """
    item = ReconciliationItem
    several = (
        select(item.reference)
        .where(col(item.reconciliation_id) == run_id, col(item.live), col(item.reference).is_not(None))
        .group_by(col(item.reference))
        .having(func.count() > 1)
    )
    found = await session.exec(
        select(item).where(
            col(item.reconciliation_id) == run_id,
            col(item.live),
            col(item.reference).in_(several),
            col(item.verdict).not_in((Verdict.MATCH, Verdict.DUPLICATE)),
        )
    )
    return found.all()


async def unlisted(
    session: AsyncSession, run: Reconciliation, *, after: str, limit: int
) -> Sequence[tuple[Attempt, Checkout]]:
    """Attempts sent in the window that have money here and were not in the gateway's list, by id."""
    item = ReconciliationItem
    listed = (
        select(col(item.subject))
        .where(
            col(item.reconciliation_id) == run.id,
            or_(
                col(item.reference) == col(Attempt.id),
                col(item.subject) == col(Attempt.gateway_payment_id),
            ),
        )
        .exists()
    )
    found = await session.exec(
        select(Attempt, Checkout)
        .join(Checkout, col(Checkout.id) == col(Attempt.checkout_id))
        .where(
            col(Attempt.account) == run.account,
            col(Attempt.sent_at) >= run.since,
            col(Attempt.sent_at) < run.until,
            col(Attempt.status).in_(_MONEY),
            col(Attempt.id) > after,
            ~listed,
        )
        .order_by(col(Attempt.id))
        .limit(limit)
    )
    return found.all()


async def open_breaks(
    session: AsyncSession, account: str, *, not_seen_by: str, after: str, limit: int
) -> Sequence[ReconciliationBreak]:
    """Breaks that this run has not come across: their payments were made before its window."""
    found = await session.exec(
        select(ReconciliationBreak)
        .where(
            col(ReconciliationBreak.account) == account,
            col(ReconciliationBreak.resolved_at).is_(None),
            col(ReconciliationBreak.reconciliation_id) != not_seen_by,
            col(ReconciliationBreak.id) > after,
        )
        .order_by(col(ReconciliationBreak.id))
        .limit(limit)
    )
    return found.all()


async def breaks_of(session: AsyncSession, run: Reconciliation) -> Sequence[ReconciliationBreak]:
    """The breaks that this run saw, and that no later one has resolved."""
    found = await session.exec(
        select(ReconciliationBreak)
        .where(
            col(ReconciliationBreak.reconciliation_id) == run.id,
            col(ReconciliationBreak.resolved_at).is_(None),
        )
        .order_by(col(ReconciliationBreak.id))
    )
    return found.all()


async def tell_break(session: AsyncSession, found: ReconciliationBreak) -> None:
    """Keep a break; one that is known, or was resolved and is back, stays the same one. Alerts once."""
    values = found.model_dump(exclude={"id", "first_seen", "last_seen", "resolved_at"})
    statement = insert(ReconciliationBreak).values(id=new_id(Prefix.BREAK), **values)
    changes = {name: value for name, value in values.items() if name not in ("account", "subject")}
    await session.exec(
        statement.on_conflict_do_update(
            constraint="uq_reconciliation_breaks_subject",
            set_={**changes, "last_seen": func.now(), "resolved_at": None},
        )
    )
    about = f" in {', '.join(found.fields)}" if found.fields else ""
    await alert(
        session,
        f"reconciliation.{found.verdict}",
        f"{found.account}/{found.subject}",
        f"{found.account}: payment {found.payment_id or found.reference} is a {found.verdict}{about}",
    )


async def resolve(session: AsyncSession, account: str, subjects: Sequence[str]) -> None:
    """The sides agree about these payments (again)."""
    await session.exec(
        update(ReconciliationBreak)
        .where(
            col(ReconciliationBreak.account) == account,
            col(ReconciliationBreak.subject).in_(subjects),
            col(ReconciliationBreak.resolved_at).is_(None),
        )
        .values(resolved_at=func.now())
    )


async def end(
    session: AsyncSession, run_id: str, status: ReconciliationStatus, detail: str | None
) -> Mapping[str, int]:
    """Count, and let go of the items. A run that has ended stays as it is; its counts."""
    item = ReconciliationItem
    running = and_(col(Reconciliation.id) == run_id, col(Reconciliation.ended_at).is_(None))
    found = await session.exec(
        select(item.verdict, func.count())
        .where(col(item.reconciliation_id) == run_id)
        .group_by(col(item.verdict))
    )
    counts = {verdict: int(count) for verdict, count in found}
    await session.exec(
        update(Reconciliation)
        .where(running)
        .values(status=status, detail=detail, counts=counts, ended_at=func.now())
    )
    await session.exec(delete(item).where(col(item.reconciliation_id) == run_id))
    after = await get(session, run_id)
    return {} if after is None or after.counts is None else after.counts


async def clock(session: AsyncSession) -> datetime:
    now: datetime = (await session.exec(select(func.clock_timestamp()))).one()
    return now


def summary(attempt: Attempt, checkout: Checkout) -> dict[str, Any]:
    """Our side of a break, for people."""
    return {
        "status": attempt.status,
        "amount": checkout.amount,
        "currency": checkout.currency,
        "captured": attempt.amount_captured,
        "refunded": attempt.amount_refunded,
        "payment_id": attempt.gateway_payment_id,
        "checkout": checkout.id,
        "checkout_status": checkout.status,
    }
