"""What is personal in a checkout: sealed when it is written, opened for those who charge or show it.

Plain stay the customer's country and the method's type, BIN and network: routing, fees and statistics need
them by query, and none of them names a person.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from sqlmodel import col, delete, select
from sqlmodel.ext.asyncio.session import AsyncSession

from domain.audit import canonical
from domain.checkout import FINAL, Customer, PaymentMethod
from storage import audit_log, vault, velocity
from storage.tables import Checkout, DataKey

CUSTOMER_PLAIN: Final = frozenset({"country"})
METHOD_PLAIN: Final = frozenset({"type", "bin", "network"})


class Person(NamedTuple):
    """Who pays, and with what. Of an erased person the plain fields are left."""

    customer: Customer
    method: PaymentMethod


class Parts(NamedTuple):
    """A checkout's customer and payment method, parted."""

    customer: dict[str, Any]
    payment_method: dict[str, Any]
    personal: dict[str, dict[str, Any]]
    """Empty where nothing is personal."""


class StillOpen(Exception):
    """A checkout of this person is under way: it would be charged with half of its data."""


def parted(customer: Mapping[str, Any], method: Mapping[str, Any]) -> Parts:
    personal = {
        "customer": {name: value for name, value in customer.items() if value and name not in CUSTOMER_PLAIN},
        "payment_method": {
            name: value for name, value in method.items() if value and name not in METHOD_PLAIN
        },
    }
    return Parts(
        {name: value for name, value in customer.items() if name in CUSTOMER_PLAIN},
        {name: value for name, value in method.items() if name in METHOD_PLAIN},
        personal if any(personal.values()) else {},
    )


async def sealed(session: AsyncSession, checkout: Checkout) -> dict[str, Any]:
    """The columns of a new checkout that has its customer and method in full, with what is personal sealed.

    Raises BadKeys where the database was opened without keys.
    """
    parts = parted(checkout.customer, checkout.payment_method)
    columns: dict[str, Any] = {"customer": parts.customer, "payment_method": parts.payment_method}
    if parts.personal:
        email = parts.personal["customer"].get("email")
        data_key, cipher = await vault.for_customer(session, checkout.merchant_id, email)
        columns["data_key_id"] = data_key
        columns["personal"] = cipher.seal(canonical(parts.personal), checkout.id)
    return columns


async def of(session: AsyncSession, checkout: Checkout) -> Person:
    """Who pays a checkout. Raises CannotOpen where its encryption key is not on the ring."""
    return (await of_many(session, [checkout]))[checkout.id]


async def of_many(session: AsyncSession, checkouts: Sequence[Checkout]) -> dict[str, Person]:
    """checkout id -> who pays it, with one query at most."""
    wanted = [row.data_key_id for row in checkouts if row.data_key_id is not None]
    ciphers = await vault.ciphers(session, wanted)
    return {row.id: _person(row, ciphers.get(row.data_key_id or "")) for row in checkouts}


def _person(row: Checkout, cipher: vault.Cipher | None) -> Person:
    customer, method = dict(row.customer), dict(row.payment_method)
    if cipher is not None and row.personal is not None:
        opened = json.loads(cipher.open(row.personal, row.id))
        customer |= opened["customer"]
        method |= opened["payment_method"]
    return Person(Customer.model_validate(customer), PaymentMethod.model_validate(method))


async def checkouts_of(session: AsyncSession, merchant_id: str, email: str) -> Sequence[Checkout]:
    """A customer's checkouts at a merchant, newest first."""
    found = await session.exec(
        select(Checkout)
        .where(col(Checkout.data_key_id).in_(await _data_keys(session, merchant_id, email)))
        .order_by(col(Checkout.created_at).desc(), col(Checkout.id).desc())
    )
    return found.all()


async def erase(
    session: AsyncSession, merchant_id: str, email: str, *, actor: str, reason: str | None
) -> int:
    """Delete a customer's data keys: what was sealed with them is gone, in every table and for good. So are
    the hashes that screening counts them by.

    Returns how many checkouts lost their personal fields; they stay, with amounts, states and attempts.
    Raises StillOpen.
    """
    data_keys = await _data_keys(session, merchant_id, email, lock=True)
    rows = await checkouts_of(session, merchant_id, email)
    still = [row.id for row in rows if row.status not in FINAL]
    if still:
        raise StillOpen(", ".join(still[:10]))
    if data_keys:
        await velocity.disown(session, [row.id for row in rows])
        await session.exec(delete(DataKey).where(col(DataKey.id).in_(data_keys)))
        await audit_log.record(
            session,
            actor=actor,
            action="person.erased",
            subject=merchant_id,
            after={"data_keys": list(data_keys), "checkouts": len(rows)},
            reason=reason,
        )
    return len(rows)


async def _data_keys(
    session: AsyncSession, merchant_id: str, email: str, *, lock: bool = False
) -> Sequence[str]:
    digests = vault.subjects(vault.vault_of(session).keys, merchant_id, email)
    query = select(DataKey.id).where(col(DataKey.subject).in_(digests))
    return (await session.exec(query.with_for_update() if lock else query)).all()
