"""Checkouts across all merchants, as operators list and search them: all of it on indexes."""

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

from sqlalchemy import ColumnElement, and_, literal_column, tuple_
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from domain.checkout import CheckoutStatus
from domain.ids import checkout_of_attempt
from storage import personal, vault
from storage.personal import Person
from storage.tables import Attempt, Checkout, DataKey, Merchant

COUNTRY: Final[ColumnElement[Any]] = literal_column("checkouts.routing #>> '{country,code}'")
"""Written as its index is: the planner compares the text."""
_BIN: Final[ColumnElement[Any]] = literal_column("(checkouts.payment_method ->> 'bin')")

SHORTEST_START: Final = 4
"""Characters of a reference from which its beginning is searched."""
_FOUND: Final = 1000
"""Checkouts that one search looks at, at most: nobody reads on from there."""
_BIN_TEXT: Final = re.compile(r"[0-9]{6}(?:[0-9]{2})?")
_CHECKOUT_ID: Final = re.compile(r"co_[0-9a-z]{26}")


class Filters(NamedTuple):
    """What is looked for. Times are `from <= created_at < to`, amounts include both ends."""

    status: CheckoutStatus | None = None
    gateway: str | None = None
    account: str | None = None
    country: str | None = None
    currency: str | None = None
    amount_min: int | None = None
    amount_max: int | None = None
    created_from: datetime | None = None
    created_to: datetime | None = None
    q: str | None = None


class Found(NamedTuple):
    """A checkout with what the list shows beside it."""

    checkout: Checkout
    person: Person
    merchant: str
    """The merchant's name."""
    accounts: list[str]
    """The accounts asked so far, in their order."""


async def page(
    session: AsyncSession,
    filters: Filters,
    *,
    limit: int,
    before: tuple[datetime, str] | None = None,
) -> Sequence[Found]:
    """Newest first, from just before (created_at, id)."""
    customers = await customers_of(session, filters.q)
    query = page_query(filters, limit=limit, before=before, customers=customers)
    return await _with_accounts(session, (await session.exec(query)).all())


async def by_ids(session: AsyncSession, checkout_ids: Sequence[str]) -> Sequence[Found]:
    """Those that there are, newest first."""
    query = _listing().where(col(Checkout.id).in_(checkout_ids))
    return await _with_accounts(session, (await session.exec(query)).all())


async def newer_than(
    session: AsyncSession, after: tuple[datetime, str], *, limit: int
) -> Sequence[tuple[datetime, str]]:
    """(created_at, id) of the checkouts accepted since, oldest first."""
    found = await session.exec(
        select(Checkout.created_at, Checkout.id)
        .where(tuple_(col(Checkout.created_at), col(Checkout.id)) > after)
        .order_by(col(Checkout.created_at), col(Checkout.id))
        .limit(limit)
    )
    return [(row[0], row[1]) for row in found]


async def newest(session: AsyncSession) -> tuple[datetime, str] | None:
    """Where the list begins."""
    found = await session.exec(
        select(Checkout.created_at, Checkout.id)
        .order_by(col(Checkout.created_at).desc(), col(Checkout.id).desc())
        .limit(1)
    )
    row = found.first()
    return None if row is None else (row[0], row[1])


def page_query(
    filters: Filters,
    *,
    limit: int,
    before: tuple[datetime, str] | None = None,
    customers: Sequence[str] = (),
) -> Any:
    """The statement of a page, which a test also asks PostgreSQL to explain.

    `customers`: the data keys of whom the search text means.
    """
    query = _listing().where(*_conditions(filters, customers)).limit(limit)
    if before is not None:
        query = query.where(tuple_(col(Checkout.created_at), col(Checkout.id)) < before)
    return query


def _listing() -> Any:
    return (
        select(Checkout, Merchant.name)
        .join(Merchant, col(Merchant.id) == col(Checkout.merchant_id))
        .order_by(col(Checkout.created_at).desc(), col(Checkout.id).desc())
    )


def _conditions(filters: Filters, customers: Sequence[str]) -> list[ColumnElement[bool]]:
    wanted: list[ColumnElement[bool]] = []
    equal: dict[str, Any] = {
        "status": col(Checkout.status),
        "gateway": col(Checkout.gateway),
        "account": col(Checkout.account),
        "country": COUNTRY,
        "currency": col(Checkout.currency),
    }
    for name, column in equal.items():
        value = getattr(filters, name)
        if value is not None:
            wanted.append(column == value)
    if filters.amount_min is not None:
        wanted.append(col(Checkout.amount) >= filters.amount_min)
    if filters.amount_max is not None:
        wanted.append(col(Checkout.amount) <= filters.amount_max)
    if filters.created_from is not None:
        wanted.append(col(Checkout.created_at) >= filters.created_from)
    if filters.created_to is not None:
        wanted.append(col(Checkout.created_at) < filters.created_to)
    if filters.q is not None:
        wanted.append(_matching(filters.q.strip(), customers))
    return wanted


def _matching(text: str, customers: Sequence[str]) -> ColumnElement[bool]:
    """A checkout that somebody means by this text. What it looks like says where to look."""
    of_attempt = checkout_of_attempt(text)
    if of_attempt is not None or _CHECKOUT_ID.fullmatch(text):
        return col(Checkout.id) == (of_attempt or text)
    ways: list[Any] = [
        select(col(Checkout.id)).where(_beginning(col(Checkout.reference), text)),
        select(col(Attempt.checkout_id)).where(col(Attempt.gateway_payment_id) == text),
    ]
    if customers:
        ways.append(select(col(Checkout.id)).where(col(Checkout.data_key_id).in_(customers)))
    if _BIN_TEXT.fullmatch(text):
        ways.append(select(col(Checkout.id)).where(_beginning(_BIN, text)))
    union = ways[0].limit(_FOUND).union_all(*(way.limit(_FOUND) for way in ways[1:])).subquery()
    return col(Checkout.id).in_(select(union.c[0]))


async def customers_of(session: AsyncSession, text: str | None) -> Sequence[str]:
    """The data keys of everybody with this e-mail address, at whichever merchant.

    An address is kept as a keyed hash of itself and its merchant: all merchants' are computed.
    """
    if text is None or "@" not in text:
        return ()
    merchants = (await session.exec(select(Merchant.id))).all()
    keys = vault.vault_of(session).keys
    digests = [digest for merchant in merchants for digest in vault.subjects(keys, merchant, text)]
    return (await session.exec(select(DataKey.id).where(col(DataKey.subject).in_(digests)))).all()


def _beginning(column: Any, text: str) -> ColumnElement[bool]:
    """As a range of bytes, which the index answers under every plan, as it does not LIKE."""
    within: ColumnElement[bool] = and_(column.op("~>=~")(text), column.op("~<~")(f"{text}\U0010ffff"))
    whole: ColumnElement[bool] = column == text
    return whole if len(text) < SHORTEST_START else within


async def _with_accounts(session: AsyncSession, rows: Sequence[tuple[Checkout, str]]) -> list[Found]:
    accounts: dict[str, list[str]] = {}
    if rows:
        asked = await session.exec(
            select(Attempt.checkout_id, Attempt.account)
            .where(col(Attempt.checkout_id).in_([checkout.id for checkout, _ in rows]))
            .order_by(col(Attempt.checkout_id), col(Attempt.number))
        )
        for checkout_id, account in asked:
            accounts.setdefault(checkout_id, []).append(account)
    people = await personal.of_many(session, [checkout for checkout, _ in rows])
    return [
        Found(checkout, people[checkout.id], name, accounts.get(checkout.id, [])) for checkout, name in rows
    ]
