"""What was seen before: counted from the latest rows of one merchant, by index, in one statement.

Each count looks at no more rows than it needs to judge by, so that it costs the same however busy a merchant,
a BIN or an address is.
"""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import CTE, Select, Text, and_, case, func, literal, null, or_, union_all
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, delete, select, update
from sqlmodel.ext.asyncio.session import AsyncSession

from storage.tables import Sighting

LATEST: Final = 60
"""Rows of one card, e-mail address or address that are looked at."""
LATEST_OF_BIN: Final = 20
LATEST_OF_MERCHANT: Final = 200
DAY: Final = 86400.0
KEPT: Final = 30 * DAY
"""So long a merchant's usual amounts are known; all other counts are of a day at most."""
FORGOTTEN_AT_ONCE: Final = 1000


class Traits(NamedTuple):
    """What a checkout is counted by; the digests under the sealing key first."""

    card: Sequence[bytes] = ()
    email: Sequence[bytes] = ()
    ip: Sequence[bytes] = ()
    bin: Sequence[str] = ()


class Earlier(NamedTuple):
    """Counts about one trait. `largest` in minor units."""

    tries: int
    failed: int
    small: int
    cards: int
    probes: int
    largest: int


class OfMerchant(NamedTuple):
    small_failed: int
    disposable: int
    mismatch: int
    stopped: int
    known: int
    """Amounts that `usual` is the median of."""
    usual: int | None


class History(NamedTuple):
    traits: dict[str, Earlier]
    """Name of the trait -> counts; traits that the checkout lacks are not in it."""
    merchant: OfMerchant


def _ago(seconds: float) -> Any:
    return func.now() - func.make_interval(0, 0, 0, 0, 0, 0, seconds)


def _failed(table: Any) -> Any:
    return or_(table.declined, table.stopped)


def _trait(
    name: str, values: Sequence[Any], merchant_id: str, currency: str, *, window: float, burst: float
) -> Select[Any]:
    limit = LATEST_OF_BIN if name == "bin" else LATEST
    # What is stopped for other reasons says nothing about a BIN that many honest customers have.
    others = (or_(~col(Sighting.stopped), col(Sighting.small)),) if name == "bin" else ()
    latest = (
        select(Sighting)
        .where(
            col(Sighting.merchant_id) == merchant_id,
            col(getattr(Sighting, name)).in_(values),
            col(Sighting.at) > _ago(DAY),
            *others,
        )
        .order_by(col(Sighting.at).desc())
        .limit(limit)
        .subquery()
        .c
    )
    recent = latest.at > _ago(window)
    of_cards = latest.at > _ago(burst if name == "ip" else window)
    return select(  # type: ignore[call-overload, no-any-return]  # SQLModel types four columns at most
        literal(name).label("trait"),
        func.count().filter(recent).label("tries"),
        func.count().filter(and_(recent, _failed(latest))).label("failed"),
        func.count().filter(and_(recent, latest.small)).label("small"),
        func.count(latest.card.distinct()).filter(of_cards).label("cards"),
        func.count().filter(latest.small).label("probes"),
        func.coalesce(func.max(latest.amount).filter(latest.currency == currency), 0).label("largest"),
    )


def _merchant(merchant_id: str) -> CTE:
    return (
        select(Sighting)
        .where(col(Sighting.merchant_id) == merchant_id)
        .order_by(col(Sighting.at).desc())
        .limit(LATEST_OF_MERCHANT)
        .cte("of_merchant")
    )


async def before(
    session: AsyncSession,
    merchant_id: str,
    traits: Traits,
    *,
    currency: str,
    mismatch: str | None,
    window: float,
    burst: float,
) -> History:
    """What this merchant's earlier checkouts say. `window` and `burst` in seconds."""
    present = {name: values for name, values in traits._asdict().items() if values}
    counts = {}
    if present:
        parts = [
            _trait(name, values, merchant_id, currency, window=window, burst=burst)
            for name, values in present.items()
        ]
        for row in await session.exec(union_all(*parts)):  # type: ignore[call-overload]  # a compound select
            counts[row.trait] = Earlier(
                row.tries, row.failed, row.small, row.cards, row.probes, int(row.largest)
            )
    return History(counts, await _of_merchant(session, merchant_id, currency, mismatch, burst))


async def _of_merchant(
    session: AsyncSession, merchant_id: str, currency: str, mismatch: str | None, burst: float
) -> OfMerchant:
    latest = _merchant(merchant_id).c
    recent = latest.at > _ago(burst)
    good = and_(latest.currency == currency, ~_failed(latest))
    # An ordered-set aggregate has its filter inside: amounts that do not count are null, and left out.
    amounts = case((good, latest.amount), else_=null())
    found = await session.exec(
        select(  # type: ignore[call-overload]  # SQLModel types four columns at most
            func.count().filter(and_(recent, latest.small, _failed(latest))).label("small_failed"),
            func.count().filter(and_(recent, latest.disposable)).label("disposable"),
            func.count().filter(and_(recent, latest.mismatch == literal(mismatch, Text))).label("mismatch"),
            func.count().filter(and_(recent, latest.stopped)).label("stopped"),
            func.count().filter(good).label("known"),
            func.percentile_disc(0.5).within_group(amounts).label("usual"),
        )
    )
    return OfMerchant(*found.one())


async def saw(session: AsyncSession, sighting: Sighting) -> None:
    """Keep what was seen of a checkout, once."""
    values = sighting.model_dump(exclude={"at"})
    await session.exec(
        insert(Sighting)
        .values(at=func.clock_timestamp(), **values)
        .on_conflict_do_nothing(index_elements=["checkout_id"])
    )


async def declined(session: AsyncSession, checkout_id: str) -> None:
    """A gateway has declined it."""
    await _set(session, checkout_id, declined=True)


async def accepted_after_all(session: AsyncSession, checkout_id: str) -> None:
    """Another account has accepted it: what one declined was no sign."""
    await _set(session, checkout_id, declined=False)


async def _set(session: AsyncSession, checkout_id: str, **values: bool) -> None:
    await session.exec(update(Sighting).where(col(Sighting.checkout_id) == checkout_id).values(**values))


async def disown(session: AsyncSession, checkouts: Sequence[str]) -> None:
    """Keep nothing by which these could be told to be of one person."""
    await session.exec(
        update(Sighting)
        .where(col(Sighting.checkout_id).in_(checkouts))
        .values(card=None, email=None, ip=None)
    )


async def forget(session: AsyncSession, *, older_than: float = KEPT) -> int:
    """Delete what is too old to count, some at a time; how many. `older_than` in seconds."""
    old = (
        select(Sighting.checkout_id)
        .where(col(Sighting.at) < _ago(older_than))
        .order_by(col(Sighting.at))
        .limit(FORGOTTEN_AT_ONCE)
    )
    result = await session.exec(delete(Sighting).where(col(Sighting.checkout_id).in_(old)))
    return int(result.rowcount)
