"""Queries about attempts. A send is claimed by compare-and-set of `sent_at`; `sends` is a fencing token."""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Float, Update, bindparam, exists, func, or_, text
from sqlalchemy import select as rows_of
from sqlalchemy import update as update_rows
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select, update
from sqlmodel.ext.asyncio.session import AsyncSession

from domain.attempt import NEGATIVE, UNSETTLED, AttemptStatus
from domain.dispute import DisputeStatus
from domain.refund import RefundState
from storage import checkouts
from storage.tables import Attempt, Checkout, Dispute, Refund
from storage.tables.columns import table_of

# Written once: to put such a statement together takes as long as to execute it.
_TABLE: Final = table_of(Attempt)
_GET: Final = (
    select(Attempt).where(col(Attempt.id) == bindparam("of_id")).execution_options(populate_existing=True)
)
_LOCK: Final = _GET.with_for_update()
_OF_CHECKOUT: Final = (
    select(Attempt)
    .where(col(Attempt.checkout_id) == bindparam("of_checkout"))
    .order_by(col(Attempt.number))
    .execution_options(populate_existing=True)
)
_LATER: Final = select(func.count()).where(
    col(Attempt.checkout_id) == bindparam("of_checkout"), col(Attempt.number) > bindparam("this")
)
_DECLINES: Final = select(func.count()).where(
    col(Attempt.card) == bindparam("of_card"),
    col(Attempt.status) == AttemptStatus.DECLINED,
    col(Attempt.created_at) > func.now() - text("interval '24 hours'"),
)
_UNSETTLED: Final = sorted(UNSETTLED)


def _recording(*, unknown: bool, settled: bool) -> Update:
    since = func.coalesce(_TABLE.c.unknown_since, func.clock_timestamp())
    return (
        update_rows(_TABLE)
        .where(
            _TABLE.c.id == bindparam("of_id"),
            _TABLE.c.status.in_(bindparam("unsettled", expanding=True)),
        )
        .values(
            ended_at=func.clock_timestamp() if settled else None,
            **({"unknown_since": since} if unknown else {}),
        )
    )


_RECORD: Final = {
    (unknown, settled): _recording(unknown=unknown, settled=settled)
    for unknown in (True, False)
    for settled in (True, False)
}
"""(the outcome is unknown, the attempt is settled) -> what writes it."""
_CLAIM: Final = rows_of(Attempt).from_statement(
    insert(_TABLE)
    .values(
        expires_at=func.now() + func.make_interval(0, 0, 0, 0, 0, 0, bindparam("expires_after", type_=Float)),
        sent_at=func.clock_timestamp(),
        last_sent_at=func.clock_timestamp(),
        sends=1,
    )
    .on_conflict_do_nothing(index_elements=["id"])
    .returning(_TABLE)
)


async def get(session: AsyncSession, attempt_id: str) -> Attempt | None:
    """As the database has it now, whatever the transaction has read before."""
    return (await session.exec(_GET, params={"of_id": attempt_id})).first()


async def lock(session: AsyncSession, attempt_id: str, checkout_id: str) -> Attempt:
    """The row as it is now, held until the transaction ends, after its checkout. Raises NoResultFound."""
    await checkouts.hold(session, checkout_id)
    return (await session.exec(_LOCK, params={"of_id": attempt_id})).one()


async def of_checkout(session: AsyncSession, checkout_id: str) -> Sequence[Attempt]:
    """In their order, as the database has them now."""
    return (await session.exec(_OF_CHECKOUT, params={"of_checkout": checkout_id})).all()


async def of_checkouts(session: AsyncSession, checkout_ids: Sequence[str]) -> dict[str, list[Attempt]]:
    """checkout id -> its attempts in order, in one query."""
    found = await session.exec(
        select(Attempt)
        .where(col(Attempt.checkout_id).in_(checkout_ids))
        .order_by(col(Attempt.checkout_id), col(Attempt.number))
    )
    by_checkout: dict[str, list[Attempt]] = {}
    for attempt in found:
        by_checkout.setdefault(attempt.checkout_id, []).append(attempt)
    return by_checkout


async def intend_and_claim(
    session: AsyncSession, attempt: Attempt, *, expires_after: float
) -> Attempt | None:
    """Write the attempt's row, once (I7), with its first send claimed in the same statement; None where there
    is a row already. `expires_after`: seconds that the customer has from now."""
    values = attempt.model_dump(exclude={"created_at", "expires_at", "sent_at", "last_sent_at", "sends"})
    found = await session.exec(  # type: ignore[call-overload]  # SQLModel does not type `from_statement`
        _CLAIM, params={**values, "expires_after": expires_after}
    )
    claimed: Attempt | None = found.scalar_one_or_none()
    return claimed


async def claim_first_send(session: AsyncSession, attempt_id: str) -> Attempt | None:
    """Claim the first send: the row with it, or None where an earlier send may have left."""
    result = await session.exec(
        update(Attempt)
        .where(col(Attempt.id) == attempt_id, col(Attempt.sent_at).is_(None))
        .values(
            sent_at=func.clock_timestamp(),
            last_sent_at=func.clock_timestamp(),
            sends=col(Attempt.sends) + 1,
            status=AttemptStatus.STARTED,
            ended_at=None,
        )
        .returning(Attempt)
        .execution_options(synchronize_session=False, populate_existing=True)
    )
    return result.scalar_one_or_none()


async def claim_resend(session: AsyncSession, attempt_id: str) -> Attempt:
    """Claim a repeat under the same key, at a gateway that has keys: the row with it."""
    result = await session.exec(
        update(Attempt)
        .where(col(Attempt.id) == attempt_id)
        .values(last_sent_at=func.clock_timestamp(), sends=col(Attempt.sends) + 1)
        .returning(Attempt)
        .execution_options(synchronize_session=False, populate_existing=True)
    )
    claimed: Attempt = result.scalar_one()
    return claimed


async def record(session: AsyncSession, attempt_id: str, status: AttemptStatus, **values: Any) -> bool:
    """Write what an answer means; False where the attempt is settled already and nothing was written.

    A row that the transaction has read before stays as it was read.
    """
    statement = _RECORD[status is AttemptStatus.UNKNOWN, status.settled]
    given = {"of_id": attempt_id, "unsettled": _UNSETTLED, "status": status, **values}
    result = await (await session.connection()).execute(statement, given)
    return result.rowcount == 1


async def record_not_sent(session: AsyncSession, attempt_id: str, send: int, detail: str) -> bool:
    """Undo the claim of send number `send`: nothing left. False where another send was claimed since."""
    result = await session.exec(
        update(Attempt)
        .where(
            col(Attempt.id) == attempt_id,
            col(Attempt.sends) == send,
            col(Attempt.status).in_(UNSETTLED),
        )
        .values(status=AttemptStatus.NOT_SENT, sent_at=None, detail=detail, ended_at=func.clock_timestamp())
    )
    return bool(result.rowcount == 1)


async def change(session: AsyncSession, attempt_id: str, **values: Any) -> None:
    """Set columns of an attempt that the caller holds locked."""
    await session.exec(update(Attempt).where(col(Attempt.id) == attempt_id).values(**values))


def may_hold_money(attempt: Attempt) -> bool:
    """Whether it may still hold or take money: then nobody else is asked (I9)."""
    return attempt.sent_at is not None and attempt.status not in (*NEGATIVE, AttemptStatus.REFUNDED)


async def later_exists(session: AsyncSession, checkout_id: str, number: int) -> bool:
    """Whether the checkout has gone on to another attempt."""
    found = await session.exec(_LATER, params={"of_checkout": checkout_id, "this": number})
    return bool(found.one())


async def stray_money(session: AsyncSession, *, limit: int, since: float | None = None) -> Sequence[Attempt]:
    """Attempts that hold money which their checkout does not count: it has to go back (I11, I13).

    Not where the customer has it back through a lost dispute, unless a refund may have been sent before.
    With `since`: only those that ended within so many seconds. Without, every attempt is looked at.
    """
    lost = exists().where(
        col(Dispute.attempt_id) == col(Attempt.id), col(Dispute.status) == DisputeStatus.LOST
    )
    under_way = exists().where(
        col(Refund.attempt_id) == col(Attempt.id),
        col(Refund.status) == RefundState.PENDING,
        col(Refund.sent_at).is_not(None),
    )
    query = (
        select(Attempt)
        .join(Checkout, col(Checkout.id) == col(Attempt.checkout_id))
        .where(
            col(Attempt.status).in_((AttemptStatus.AUTHORIZED, AttemptStatus.CAPTURED)),
            col(Checkout.paid_attempt_id).is_distinct_from(col(Attempt.id)),
            or_(~lost, under_way),
        )
        .limit(limit)
    )
    if since is not None:
        query = query.where(col(Attempt.ended_at) > func.now() - func.make_interval(0, 0, 0, 0, 0, 0, since))
    return (await session.exec(query)).all()


async def declines_of_card(session: AsyncSession, card: bytes) -> int:
    """How often this card was declined in the last 24 hours, at any account."""
    found = await session.exec(_DECLINES, params={"of_card": card})
    return int(found.one())


async def by_payment_id(session: AsyncSession, account: str, payment_id: str) -> Attempt | None:
    """The attempt behind a gateway's payment id."""
    found = await session.exec(
        select(Attempt).where(col(Attempt.account) == account, col(Attempt.gateway_payment_id) == payment_id)
    )
    return found.first()
