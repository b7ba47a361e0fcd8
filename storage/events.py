"""The timeline of a checkout, and alerts. Written in the transaction of the change they tell of."""

from typing import Any, Final

from sqlalchemy import event, exists
from sqlalchemy import insert as insert_rows
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Session, col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from domain.ids import Prefix, new_id
from storage.tables import Alert, CheckoutEvent

_TOLD: Final = "told"
_ADD: Final = insert_rows(CheckoutEvent)


def tell(
    session: AsyncSession, checkout_id: str, kind: str, *, attempt_id: str | None = None, **data: Any
) -> None:
    """Add one line to the timeline. `data` holds no personal data, tokens or secrets.

    All lines of a transaction are written together at its end: until then nobody can read them.
    """
    line = {"checkout_id": checkout_id, "attempt_id": attempt_id, "kind": kind, "data": data}
    session.info.setdefault(_TOLD, []).append(line)


@event.listens_for(Session, "before_commit")
def _write(session: Session) -> None:
    """Heard of every session: to listen to one alone, and to stop, takes longer than to write."""
    lines = session.info.pop(_TOLD, None)
    if lines:
        session.flush()  # what the lines tell of may have been added, and not written yet
        session.connection().execute(_ADD, lines)


async def timeline(session: AsyncSession, checkout_id: str) -> list[CheckoutEvent]:
    found = await session.exec(
        select(CheckoutEvent)
        .where(col(CheckoutEvent.checkout_id) == checkout_id)
        .order_by(col(CheckoutEvent.id))
    )
    return list(found)


async def last_told(session: AsyncSession, checkout_id: str) -> str | None:
    """The kind of the newest line of the timeline."""
    found = await session.exec(
        select(CheckoutEvent.kind)
        .where(col(CheckoutEvent.checkout_id) == checkout_id)
        .order_by(col(CheckoutEvent.id).desc())
        .limit(1)
    )
    return found.first()


async def cancel_requested(session: AsyncSession, checkout_id: str) -> bool:
    """Whether somebody has ever asked to cancel the checkout, be it that no run has taken it."""
    asked = exists().where(
        col(CheckoutEvent.checkout_id) == checkout_id, col(CheckoutEvent.kind) == "checkout.cancel_requested"
    )
    return bool((await session.exec(select(asked))).one())


async def capture_under_way(session: AsyncSession, checkout_id: str) -> int | None:
    """How much a capture was sent for that the gateway has not refused since; None where there is none."""
    found = await session.exec(
        select(CheckoutEvent.kind, CheckoutEvent.data)
        .where(
            col(CheckoutEvent.checkout_id) == checkout_id,
            col(CheckoutEvent.kind).in_(("capture.sent", "capture.refused")),
        )
        .order_by(col(CheckoutEvent.id).desc())
        .limit(1)
    )
    kind, data = found.first() or (None, {})
    return int(data["amount"]) if kind == "capture.sent" else None


async def last_skipped(session: AsyncSession, checkout_id: str) -> str | None:
    """Why the account that was skipped last was not asked; None where none was skipped."""
    found = await session.exec(
        select(CheckoutEvent.data)
        .where(col(CheckoutEvent.checkout_id) == checkout_id, col(CheckoutEvent.kind) == "account.skipped")
        .order_by(col(CheckoutEvent.id).desc())
        .limit(1)
    )
    data = found.first()
    return None if data is None else data["reason"]


async def alert(session: AsyncSession, kind: str, subject: str, message: str) -> None:
    """Raise an alert once per kind and subject."""
    await session.exec(
        insert(Alert)
        .values(id=new_id(Prefix.ALERT), kind=kind, subject=subject, message=message)
        .on_conflict_do_nothing(constraint="uq_alerts_subject")
    )
