"""Queries about scores: count what has ended since the last time, read the counts.

A count takes what ended up to `LAG` ago: a transaction that commits later than that is left out, and with it
one attempt among hundreds.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final, NamedTuple

from sqlalchemy import Row, func, text, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select, update
from sqlmodel.ext.asyncio.session import AsyncSession

from domain.attempt import AttemptStatus
from domain.blame import Blame, blame
from domain.decline import Decline
from storage.health import CHANNEL
from storage.tables import AccountScore, AccountScoresState, Attempt, Checkout

LAG: Final = 2.0
"""Seconds."""
BATCH: Final = 5000
_LOCK: Final = 7_201_944_310_008
"""Of PostgreSQL's advisory locks: who counts. Any number that nothing else of ours uses."""
_LEAST: Final = 0.01
"""A group with less than so many attempts left is forgotten."""

Groups = Callable[[str, str, str | None, str | None, str | None], tuple[str, ...]]
"""(method, currency, country, BIN, mobile network) -> the names of its groups."""


class Counted(NamedTuple):
    """The counts of one moment."""

    version: int
    taken_at: datetime
    tallies: Mapping[tuple[str, str], tuple[float, float]]
    """(account, group) -> (good, bad), faded to `taken_at`."""


def verdict(status: AttemptStatus, decline: dict[str, Any] | None) -> bool | None:
    """Whether an attempt that has ended speaks for or against its account; None: for neither.

    What the customer or the issuer refused, no account could have taken, and a page that nobody paid on says
    nothing of the gateway.
    """
    match status:
        case (
            AttemptStatus.AUTHORIZED | AttemptStatus.CAPTURED | AttemptStatus.VOIDED | AttemptStatus.REFUNDED
        ):
            return True
        case AttemptStatus.NOT_SENT | AttemptStatus.NOT_FOUND:
            return False
        case AttemptStatus.DECLINED if decline is not None:
            fault = blame(Decline.model_validate(decline))
            return None if fault in (Blame.CUSTOMER, Blame.ISSUER) else False
        case _:
            return None


async def read(session: AsyncSession) -> Counted:
    state = (await session.exec(select(AccountScoresState))).one()
    rows = (await session.exec(select(AccountScore))).all()
    return Counted(
        state.version, state.taken_at, {(row.account, row.grouping): (row.good, row.bad) for row in rows}
    )


async def version(session: AsyncSession) -> int:
    return int((await session.exec(select(AccountScoresState.version))).one())


async def learn(session: AsyncSession, groups: Groups, *, half_life: float) -> int:
    """Count what has ended since the last time; how many attempts. 0 as well while another process counts.

    `half_life`: seconds in which an attempt loses half its weight. One transaction, under an advisory lock.
    """
    mine = await session.scalar(select(func.pg_try_advisory_xact_lock(_LOCK)))
    if not mine:
        return 0
    state = (await session.exec(select(AccountScoresState))).one()
    ended = await _ended(session, state)
    if not ended:
        return 0
    now: datetime = (await session.exec(select(func.clock_timestamp()))).one()
    new: defaultdict[tuple[str, str], list[float]] = defaultdict(lambda: [0.0, 0.0])
    for row in ended:
        good = verdict(AttemptStatus(row.status), row.decline)
        if good is None:
            continue
        weight = 0.5 ** (max((now - row.ended_at).total_seconds(), 0.0) / half_life)
        method = row.payment_method
        for group in groups(row.method, row.currency, row.country, method.get("bin"), method.get("network")):
            new[row.account, group][0 if good else 1] += weight
    await _fade(session, now, half_life)
    for (account, group), (good_ones, bad_ones) in sorted(new.items()):
        await session.exec(
            insert(AccountScore)
            .values(account=account, grouping=group, good=good_ones, bad=bad_ones, as_of=now)
            .on_conflict_do_update(
                index_elements=["account", "grouping"],
                set_={
                    "good": col(AccountScore.good) + good_ones,
                    "bad": col(AccountScore.bad) + bad_ones,
                    "as_of": now,
                },
            )
        )
    await session.exec(
        update(AccountScoresState)
        .values(
            version=state.version + 1, counted_to=ended[-1].ended_at, counted_id=ended[-1].id, taken_at=now
        )
        .execution_options(synchronize_session=False)
    )
    await session.exec(select(func.pg_notify(CHANNEL, "scores")))
    return len(ended)


async def _ended(session: AsyncSession, state: AccountScoresState) -> list[Row[Any]]:
    # The issuer's country where the card told it, else the payer's.
    country = func.coalesce(
        col(Checkout.routing)["country"]["by_bin"].astext, col(Checkout.routing)["country"]["code"].astext
    )
    query = (
        select(  # type: ignore[call-overload]  # sqlmodel types up to four columns
            Attempt.id,
            Attempt.account,
            Attempt.method,
            Attempt.status,
            Attempt.decline,
            Attempt.ended_at,
            Checkout.currency,
            Checkout.payment_method,
            country.label("country"),
        )
        .join(Checkout, col(Checkout.id) == col(Attempt.checkout_id))
        .where(
            col(Attempt.ended_at).is_not(None),
            tuple_(col(Attempt.ended_at), col(Attempt.id)) > (state.counted_to, state.counted_id),
            col(Attempt.ended_at) < func.now() - func.make_interval(0, 0, 0, 0, 0, 0, LAG),
        )
        .order_by(col(Attempt.ended_at), col(Attempt.id))
        .limit(BATCH)
    )
    return list((await session.exec(query)).all())


async def _fade(session: AsyncSession, now: datetime, half_life: float) -> None:
    """Bring all counts to `now`."""
    connection = await session.connection()
    await connection.execute(
        text(
            "UPDATE account_scores SET as_of = :now, good = good * f.factor, bad = bad * f.factor FROM"
            " (SELECT account, grouping, power(0.5, extract(epoch FROM :now - as_of) / :half_life) AS factor"
            "  FROM account_scores) AS f"
            " WHERE f.account = account_scores.account AND f.grouping = account_scores.grouping"
        ),
        {"now": now, "half_life": half_life},
    )
    await connection.execute(text("DELETE FROM account_scores WHERE good + bad < :least"), {"least": _LEAST})
