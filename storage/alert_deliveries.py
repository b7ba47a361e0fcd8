"""Which alert was told to whom, and what is still to be told. `activities/alert_delivery.py` does it."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final, NamedTuple

from sqlalchemy import ColumnElement, func, literal, tuple_
from sqlalchemy import select as select_columns
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select, update
from sqlmodel.ext.asyncio.session import AsyncSession

from storage.tables import Alert, AlertDelivery

WITHIN_HOURS: Final = 24
"""So old an alert is not told any more: neither for the first time, as to a new target, nor again."""


class Claimed(NamedTuple):
    alert_id: str
    kind: str
    subject: str
    message: str
    attempts: int
    """This one included."""


async def enqueue(session: AsyncSession, targets: Sequence[str]) -> None:
    """Every open alert is to be told to every target; what became too old is given up."""
    too_old = func.now() - func.make_interval(0, 0, 0, 0, WITHIN_HOURS)
    for target in targets:
        told = select(AlertDelivery.alert_id).where(
            col(AlertDelivery.alert_id) == col(Alert.id), col(AlertDelivery.target) == target
        )
        new = select_columns(
            col(Alert.id),
            literal(target),
            col(Alert.kind),
            col(Alert.subject),
            col(Alert.message),
            col(Alert.created_at),
        ).where(
            col(Alert.created_at) > too_old,
            col(Alert.acknowledged_at).is_(None),
            ~told.exists(),
        )
        await session.exec(
            insert(AlertDelivery)
            .from_select(["alert_id", "target", "kind", "subject", "message", "raised_at"], new)
            .on_conflict_do_nothing()
        )
    await session.exec(
        update(AlertDelivery)
        .where(
            col(AlertDelivery.delivered_at).is_(None),
            col(AlertDelivery.gave_up_at).is_(None),
            col(AlertDelivery.raised_at) < too_old,
        )
        .values(gave_up_at=func.now())
    )


async def claim(session: AsyncSession, target: str, *, lease: float, limit: int) -> Sequence[Claimed]:
    """What is due, oldest first; for `lease` seconds nobody else gets it."""
    due = (
        select(AlertDelivery.alert_id)
        .where(
            col(AlertDelivery.target) == target,
            col(AlertDelivery.delivered_at).is_(None),
            col(AlertDelivery.gave_up_at).is_(None),
            col(AlertDelivery.next_at) <= func.now(),
        )
        .order_by(col(AlertDelivery.raised_at), col(AlertDelivery.alert_id))
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    alert_ids = (await session.exec(due)).all()
    if not alert_ids:
        return []
    claimed = await session.exec(
        update(AlertDelivery)
        .where(_these(target, alert_ids))
        .values(attempts=col(AlertDelivery.attempts) + 1, next_at=_in(lease))
        .returning(
            col(AlertDelivery.alert_id),
            col(AlertDelivery.kind),
            col(AlertDelivery.subject),
            col(AlertDelivery.message),
            col(AlertDelivery.attempts),
        )
    )
    place = {alert_id: number for number, alert_id in enumerate(alert_ids)}
    return sorted((Claimed(*row) for row in claimed), key=lambda each: place[each.alert_id])


async def mark_delivered(session: AsyncSession, target: str, claimed: Sequence[Claimed]) -> None:
    await session.exec(
        update(AlertDelivery)
        .where(_these(target, [each.alert_id for each in claimed]))
        .values(delivered_at=func.now(), last_error=None)
    )


async def put_off(
    session: AsyncSession, target: str, claimed: Sequence[Claimed], *, pause: float, why: str
) -> None:
    """The next try is due after `pause` seconds."""
    await session.exec(
        update(AlertDelivery)
        .where(_these(target, [each.alert_id for each in claimed]))
        .values(next_at=_in(pause), last_error=why)
    )


async def of_alerts(session: AsyncSession, alert_ids: Sequence[str]) -> Mapping[str, Sequence[AlertDelivery]]:
    """alert id -> its deliveries, by target."""
    found = await session.exec(
        select(AlertDelivery)
        .where(col(AlertDelivery.alert_id).in_(alert_ids))
        .order_by(col(AlertDelivery.target))
    )
    by_alert: dict[str, list[AlertDelivery]] = {}
    for row in found:
        by_alert.setdefault(row.alert_id, []).append(row)
    return by_alert


def _these(target: str, alert_ids: Sequence[str]) -> ColumnElement[bool]:
    return tuple_(col(AlertDelivery.target), col(AlertDelivery.alert_id)).in_(
        [(target, alert_id) for alert_id in alert_ids]
    )


def _in(seconds: float) -> ColumnElement[datetime]:
    return func.now() + func.make_interval(0, 0, 0, 0, 0, 0, seconds)
