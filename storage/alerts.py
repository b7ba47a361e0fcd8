"""What a person has to know, listed and acknowledged. `storage/events.py` raises most of it."""

from collections.abc import Sequence

from sqlalchemy import func
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select, update
from sqlmodel.ext.asyncio.session import AsyncSession

from domain.ids import Prefix, new_id
from storage.tables import Alert


async def page(
    session: AsyncSession,
    *,
    limit: int,
    before: str | None = None,
    kind: str | None = None,
    subject: str | None = None,
    acknowledged: bool | None = None,
) -> Sequence[Alert]:
    """Newest first, from just before the alert `before`."""
    query = select(Alert).order_by(col(Alert.id).desc()).limit(limit)
    if before is not None:
        query = query.where(col(Alert.id) < before)
    if kind is not None:
        query = query.where(col(Alert.kind) == kind)
    if subject is not None:
        query = query.where(col(Alert.subject) == subject)
    if acknowledged is not None:
        known = col(Alert.acknowledged_at)
        query = query.where(known.is_not(None) if acknowledged else known.is_(None))
    return (await session.exec(query)).all()


async def lock(session: AsyncSession, alert_id: str) -> Alert | None:
    """The row as it is now, held until the transaction ends."""
    query = select(Alert).where(col(Alert.id) == alert_id).with_for_update()
    return (await session.exec(query.execution_options(populate_existing=True))).first()


async def acknowledge(session: AsyncSession, kind: str, subject: str) -> None:
    """Somebody knows of it. An alert acknowledged before keeps its time."""
    await session.exec(
        update(Alert)
        .where(col(Alert.kind) == kind, col(Alert.subject) == subject, col(Alert.acknowledged_at).is_(None))
        .values(acknowledged_at=func.now())
    )


async def raise_anew(session: AsyncSession, kind: str, subject: str, message: str) -> None:
    """Raise an alert that has to be seen each time, also where it was acknowledged before."""
    values = {"id": new_id(Prefix.ALERT), "message": message}
    await session.exec(
        insert(Alert)
        .values(kind=kind, subject=subject, **values)
        .on_conflict_do_update(
            constraint="uq_alerts_subject",
            set_={**values, "created_at": func.now(), "acknowledged_at": None},
        )
    )
