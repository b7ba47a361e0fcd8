"""What was seen before: counted from the latest rows of one merchant, by index, in one statement.

Each count looks at no more rows than it needs to judge by, so that it costs the same however busy a merchant,
a BIN or an address is.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any, Final, NamedTuple

from sqlalchemy import (
    CTE,
    CompoundSelect,
    Float,
    LargeBinary,
    Select,
    Text,
    and_,
    bindparam,
    case,
    func,
    literal,
    null,
    or_,
    union_all,
)
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, delete, select, update
from sqlmodel.ext.asyncio.session import AsyncSession

from storage.tables import Sighting
from storage.tables.columns import table_of

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


_SAW: Final = (
    insert(table_of(Sighting))
    .values(at=func.clock_timestamp())
    .on_conflict_do_nothing(index_elements=["checkout_id"])
)
_MERCHANT: Final = bindparam("merchant_id", type_=Text)
_CURRENCY: Final = bindparam("currency", type_=Text)
_MISMATCH: Final = bindparam("mismatch", type_=Text)
_WINDOW: Final = bindparam("window", type_=Float)
_BURST: Final = bindparam("burst", type_=Float)


def _ago(seconds: Any) -> Any:
    return func.now() - func.make_interval(0, 0, 0, 0, 0, 0, seconds)


def _failed(table: Any) -> Any:
    return or_(table.declined, table.stopped)


def _trait(name: str) -> Select[Any]:
    limit = LATEST_OF_BIN if name == "bin" else LATEST
    # What is stopped for other reasons says nothing about a BIN that many honest customers have.
    others = (or_(~col(Sighting.stopped), col(Sighting.small)),) if name == "bin" else ()
    latest = (
        select(Sighting)
        .where(
            col(Sighting.merchant_id) == _MERCHANT,
            col(getattr(Sighting, name)).in_(
                bindparam(name, expanding=True, type_=Text() if name == "bin" else LargeBinary())
            ),
            col(Sighting.at) > _ago(DAY),
            *others,
        )
        .order_by(col(Sighting.at).desc())
        .limit(limit)
        .subquery()
        .c
    )
    recent = latest.at > _ago(_WINDOW)
    of_cards = latest.at > _ago(_BURST if name == "ip" else _WINDOW)
    return select(  # type: ignore[call-overload, no-any-return]  # SQLModel types four columns at most
        literal(name).label("trait"),
        func.count().filter(recent).label("tries"),
        func.count().filter(and_(recent, _failed(latest))).label("failed"),
        func.count().filter(and_(recent, latest.small)).label("small"),
        func.count(latest.card.distinct()).filter(of_cards).label("cards"),
        func.count().filter(latest.small).label("probes"),
        func.coalesce(func.max(latest.amount).filter(latest.currency == _CURRENCY), 0).label("largest"),
    )


def _merchant() -> CTE:
    return (
        select(Sighting)
        .where(col(Sighting.merchant_id) == _MERCHANT)
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
    given = {"merchant_id": merchant_id, "currency": currency, "window": window, "burst": burst}
    connection = await session.connection()
    counts = {}
    if present:
        for row in await connection.execute(_of_traits(tuple(present)), given | present):
            counts[row.trait] = Earlier(
                row.tries, row.failed, row.small, row.cards, row.probes, int(row.largest)
            )
    found = await connection.execute(_of_merchant(), given | {"mismatch": mismatch})
    return History(counts, OfMerchant(*found.one()))


@cache
def _of_traits(names: tuple[str, ...]) -> CompoundSelect[Any]:
    """Made once for each set of traits: to make it takes longer than to execute it."""
    return union_all(*(_trait(name) for name in names))


@cache
def _of_merchant() -> Select[Any]:
    latest = _merchant().c
    recent = latest.at > _ago(_BURST)
    good = and_(latest.currency == _CURRENCY, ~_failed(latest))
    # An ordered-set aggregate has its filter inside: amounts that do not count are null, and left out.
    amounts = case((good, latest.amount), else_=null())
    return select(  # type: ignore[call-overload, no-any-return]  # SQLModel types four columns at most
        func.count().filter(and_(recent, latest.small, _failed(latest))).label("small_failed"),
        func.count().filter(and_(recent, latest.disposable)).label("disposable"),
        func.count().filter(and_(recent, latest.mismatch == _MISMATCH)).label("mismatch"),
        func.count().filter(and_(recent, latest.stopped)).label("stopped"),
        func.count().filter(good).label("known"),
        func.percentile_disc(0.5).within_group(amounts).label("usual"),
    )


async def saw(session: AsyncSession, sighting: Sighting) -> None:
    """Keep what was seen of a checkout, once."""
    values = sighting.model_dump(exclude={"at"})
    await (await session.connection()).execute(_SAW, values)


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
