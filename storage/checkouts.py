"""Queries about checkouts."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import bindparam, func, tuple_
from sqlalchemy import update as update_rows
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select, update
from sqlmodel.ext.asyncio.session import AsyncSession

from domain.checkout import TRANSITIONS, CheckoutStatus
from domain.notification import ON_STATUS
from storage import notifications, personal
from storage.events import tell
from storage.tables import Attempt, Checkout
from storage.tables.columns import table_of

CHANNEL = "checkout"
"""Notified with the id whenever a checkout's row changes."""

# Written once: to put such a statement together takes as long as to execute it.
_TABLE: Final = table_of(Checkout)
_GET: Final = select(Checkout).where(col(Checkout.id) == bindparam("of_id"))
_LOCK: Final = _GET.with_for_update().execution_options(populate_existing=True)
_HOLD: Final = select(Checkout.id).where(col(Checkout.id) == bindparam("of_id")).with_for_update()
_STATUS: Final = (
    select(Checkout.status, Checkout.notification_url)
    .where(col(Checkout.id) == bindparam("of_id"))
    .with_for_update()
)
_CREATE: Final = insert(_TABLE).on_conflict_do_nothing(constraint="uq_checkouts_idempotency")
_PLAN: Final = (
    update_rows(_TABLE)
    .where(_TABLE.c.id == bindparam("of_id"), _TABLE.c.planned_at.is_(None))
    .values(planned_at=func.now())
)
_ADVANCE: Final = (
    update_rows(_TABLE)
    .where(_TABLE.c.id == bindparam("of_id"))
    .values(updated_at=func.now())
    .returning(func.pg_notify(CHANNEL, _TABLE.c.id), _TABLE.c.notification_url)
)
_MOVE: Final = _ADVANCE.where(_TABLE.c.status.in_(bindparam("from", expanding=True)))


class IllegalTransition(Exception):
    """The checkout's state does not allow the change (I14): a final state is final."""

    def __init__(self, checkout_id: str, now: str, wanted: str) -> None:
        super().__init__(f"{checkout_id} is {now} and cannot become {wanted}")
        self.now = CheckoutStatus(now)


async def create(session: AsyncSession, checkout: Checkout) -> bool:
    """Insert the row, given with all it has of the customer and the method, and seal what is personal of it.

    False where this merchant has used the key before: then nothing changed. Raises BadKeys.
    """
    values = checkout.model_dump(exclude={"created_at", "updated_at"})
    values |= await personal.sealed(session, checkout)
    result = await (await session.connection()).execute(_CREATE, values)
    if result.rowcount != 1:
        return False
    tell(session, checkout.id, "checkout.created", amount=checkout.amount, currency=checkout.currency)
    return True


async def by_key(session: AsyncSession, merchant_id: str, idempotency_key: str) -> Checkout | None:
    found = await session.exec(
        select(Checkout).where(
            col(Checkout.merchant_id) == merchant_id, col(Checkout.idempotency_key) == idempotency_key
        )
    )
    return found.first()


async def get(session: AsyncSession, checkout_id: str, merchant_id: str | None = None) -> Checkout | None:
    """The checkout; with `merchant_id`, only where it is that merchant's (I21)."""
    query = _GET
    if merchant_id is not None:
        query = query.where(col(Checkout.merchant_id) == merchant_id)
    return (await session.exec(query, params={"of_id": checkout_id})).first()


async def lock(session: AsyncSession, checkout_id: str) -> Checkout | None:
    """The row as it is now, held until the transaction ends.

    Whoever changes an attempt holds its checkout first: so claims, records and compensations of one checkout
    happen one after the other, and no two of them can wait for each other.
    """
    return (await session.exec(_LOCK, params={"of_id": checkout_id})).first()


async def hold(session: AsyncSession, checkout_id: str) -> None:
    """As `lock`, for whoever needs nothing of the row."""
    await (await session.connection()).execute(_HOLD, {"of_id": checkout_id})


async def page(
    session: AsyncSession,
    merchant_id: str,
    *,
    limit: int,
    before: tuple[datetime, str] | None = None,
    status: CheckoutStatus | None = None,
    gateway: str | None = None,
    reference: str | None = None,
) -> Sequence[Checkout]:
    """A merchant's checkouts, newest first, from just before (created_at, id)."""
    query = (
        select(Checkout)
        .where(col(Checkout.merchant_id) == merchant_id)
        .order_by(col(Checkout.created_at).desc(), col(Checkout.id).desc())
        .limit(limit)
    )
    if before is not None:
        query = query.where(tuple_(col(Checkout.created_at), col(Checkout.id)) < before)
    if status is not None:
        query = query.where(col(Checkout.status) == status)
    if gateway is not None:
        query = query.where(col(Checkout.gateway) == gateway)
    if reference is not None:
        query = query.where(col(Checkout.reference) == reference)
    return (await session.exec(query)).all()


async def record_plan(
    session: AsyncSession, checkout_id: str, routing: dict[str, Any], screening: dict[str, Any] | None = None
) -> bool:
    """Keep the plan and what screening says, once.

    False where one is recorded already: a retried activity must use that one.
    """
    result = await (await session.connection()).execute(
        _PLAN, {"of_id": checkout_id, "routing": routing, "screening": screening}
    )
    if result.rowcount == 1:
        accounts = [entry["account"] for entry in routing["plan"]]
        tell(session, checkout_id, "checkout.planned", accounts=accounts, country=routing["country"])
        return True
    return False


async def planned(
    session: AsyncSession, *, limit: int, before: tuple[datetime | None, str] | None = None
) -> Sequence[Checkout]:
    """Checkouts of all merchants that have a plan, the latest planned first, from before (planned_at, id)."""
    query = (
        select(Checkout)
        .where(col(Checkout.planned_at).is_not(None))
        .order_by(col(Checkout.planned_at).desc(), col(Checkout.id).desc())
        .limit(limit)
    )
    if before is not None:
        query = query.where(tuple_(col(Checkout.planned_at), col(Checkout.id)) < before)
    return (await session.exec(query)).all()


async def advance(session: AsyncSession, checkout_id: str, status: CheckoutStatus, **values: Any) -> None:
    """Move to `status` where the transition table allows it, and tell whoever waits.

    A final status that is written again changes nothing. Raises IllegalTransition.
    """
    before = [known for known, following in TRANSITIONS.items() if status in following]
    connection = await session.connection()
    others = [known for known in before if known != status]
    moved = await connection.execute(
        _MOVE, {"of_id": checkout_id, "from": others, "status": status, **values}
    )
    row = moved.first()
    if row is not None:
        await _moved(session, checkout_id, status, row.notification_url)
        return
    # It has this status already, or must not get it, or has just changed: only its lock tells.
    now, address = (await connection.execute(_STATUS, {"of_id": checkout_id})).one()
    if now not in before:
        raise IllegalTransition(checkout_id, now, status)
    if now == status and status.final:
        return  # a repeated activity: what is over is not touched again, `updated_at` included
    await connection.execute(_ADVANCE, {"of_id": checkout_id, "status": status, **values})
    if now != status:
        await _moved(session, checkout_id, status, address)


async def _moved(
    session: AsyncSession, checkout_id: str, status: CheckoutStatus, address: str | None
) -> None:
    tell(session, checkout_id, f"checkout.{status}")
    if address is not None and status in ON_STATUS:
        await notifications.announce(session, checkout_id, ON_STATUS[status])


async def notify(session: AsyncSession, checkout_id: str) -> None:
    """Wake whoever waits for this row, once the transaction commits."""
    await session.exec(select(func.pg_notify(CHANNEL, checkout_id)))


async def not_started(session: AsyncSession, *, older_than: float, limit: int) -> Sequence[Checkout]:
    """Accepted checkouts that no workflow has planned after so many seconds: their start may be lost (A1)."""
    found = await session.exec(
        select(Checkout)
        .where(
            col(Checkout.planned_at).is_(None),
            col(Checkout.status) == CheckoutStatus.PROCESSING,
            col(Checkout.created_at) < func.now() - func.make_interval(0, 0, 0, 0, 0, 0, older_than),
        )
        .order_by(col(Checkout.created_at))
        .limit(limit)
    )
    return found.all()


async def refunded(session: AsyncSession, attempt: Attempt) -> None:
    """Show on a checkout what of its money went back; of another attempt's money it shows nothing."""
    await session.exec(
        update(Checkout)
        .where(col(Checkout.id) == attempt.checkout_id, col(Checkout.paid_attempt_id) == attempt.id)
        .values(amount_refunded=attempt.amount_refunded, updated_at=func.now())
    )
