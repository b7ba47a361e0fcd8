"""Personal data in the database: sealed, found by its hash, opened for who needs it, erased, rotated."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import asyncpg
import pytest

from config.keys import BadKeys, CannotOpen, KeyRing, new_key
from config.settings import Settings
from domain.checkout import CheckoutStatus, Customer, MethodType, PaymentMethod
from domain.ids import Prefix, new_id
from storage import checkouts, merchant_secrets, merchants, personal, vault, velocity
from storage.database import Database
from storage.personal import Person
from storage.tables import Checkout, Merchant, Sighting
from tests.operators.shell import Shell

OLD, NEW = new_key("old"), new_key("new")
CUSTOMER = {
    "email": "Ada.Canary@example.com",
    "name": "Ada Canary-Lovelace",
    "phone": "+2348012345678",
    "ip": "41.58.77.1",
    "country": "NG",
}
METHOD = {
    "type": "mobile_money",
    "bin": "539983",
    "network": "MTN",
    "phone": "+2348087654321",
    "tokens": {"stripe": "pm_canary"},
}
PERSONAL = ("canary", "Lovelace", "2348012345678", "2348087654321", "41.58.77.1")


@dataclass
class Store:
    url: str
    connection: asyncpg.Connection
    merchant: Merchant
    databases: list[Database] = field(default_factory=list)

    def database(self, *keys: str) -> Database:
        """Opened by a process that has these keys."""
        ring = KeyRing.parse(",".join(keys)) if keys else None
        opened = Database(Settings(database_url=self.url).sqlalchemy_url, pool_size=3, keys=ring)
        self.databases.append(opened)
        return opened

    async def create(self, database: Database, status: str = "succeeded", **changes: Any) -> str:
        row = self.row(status, **changes)
        async with database.transaction() as session:
            assert await checkouts.create(session, row)
        return row.id

    def row(self, status: str = "succeeded", **changes: Any) -> Checkout:
        """As the API makes it."""
        checkout_id = new_id(Prefix.CHECKOUT)
        return Checkout(
            id=checkout_id,
            merchant_id=self.merchant.id,
            idempotency_key=checkout_id,
            request_digest=b"\0" * 32,
            reference=None,
            status=status,
            amount=100,
            currency="NGN",
            capture_method="automatic",
            customer=changes.get("customer", CUSTOMER),
            payment_method=changes.get("method", METHOD),
            allow_redirect=False,
            gateway_choice=None,
            return_url=None,
            notification_url=None,
            meta={},
        )

    async def person(self, database: Database, checkout_id: str) -> Person:
        async with database.transaction() as session:
            row = await checkouts.get(session, checkout_id)
            assert row is not None
            return await personal.of(session, row)

    async def seen(self, database: Database, *checkout_ids: str) -> None:
        """As screening notes them."""
        hashes: dict[str, Any] = {"card": b"card", "email": b"email", "ip": b"ip"}
        marks: dict[str, Any] = {"small": False, "disposable": False, "stopped": False}
        async with database.transaction() as session:
            for each in checkout_ids:
                await velocity.saw(
                    session,
                    Sighting(
                        checkout_id=each,
                        merchant_id=self.merchant.id,
                        amount=100,
                        currency="NGN",
                        **hashes,
                        **marks,
                    ),
                )

    async def dump(self) -> str:
        """Every row of every table that holds anything, as text; bytes as hexadecimal digits."""
        tables = ("checkouts", "data_keys", "merchant_secrets", "checkout_events", "audit_log")
        queries = [f"SELECT to_jsonb(t) FROM {table} t" for table in tables]  # noqa: S608
        rows = [row for query in queries for row in await self.connection.fetch(query)]
        return "\n".join(str(row) for row in rows)


@pytest.fixture
async def store(database_url: str) -> AsyncIterator[Store]:
    connection = await asyncpg.connect(database_url)
    first = Database(Settings(database_url=database_url).sqlalchemy_url, pool_size=1, keys=KeyRing.parse(OLD))
    async with first.transaction() as session:
        merchant = await merchants.create_merchant(session, "Shop")
    made = Store(database_url, connection, merchant, [first])
    yield made
    for database in made.databases:
        await database.aclose()
    await connection.close()


def whole() -> Person:
    return Person(Customer.model_validate(CUSTOMER), PaymentMethod.model_validate(METHOD))


async def test_what_is_personal_is_sealed_and_the_rest_stays_for_queries(store: Store) -> None:
    database = store.database(OLD)
    checkout = await store.create(database)
    assert await store.person(database, checkout) == whole()
    assert await store.person(store.database(OLD), checkout) == whole()
    dump = (await store.dump()).lower()
    assert [word for word in PERSONAL if word.lower() in dump] == []
    row = await store.connection.fetchrow("SELECT customer, payment_method FROM checkouts")
    assert row is not None
    assert json.loads(row["customer"]) == {"country": "NG"}
    assert json.loads(row["payment_method"]) == {"type": "mobile_money", "bin": "539983", "network": "MTN"}


async def test_a_customer_has_one_data_key_at_a_merchant_and_is_found_by_it(store: Store) -> None:
    database = store.database(OLD)
    first = await store.create(database)
    again = await store.create(
        store.database(OLD), customer={**CUSTOMER, "email": " ada.canary@EXAMPLE.com "}
    )
    await store.create(database, customer={"email": "other@example.com"})
    alone = await store.create(database, customer={"name": "No Address"})
    nothing = await store.create(database, customer={"country": "NG"}, method={"type": "hosted"})
    assert await store.connection.fetchval("SELECT count(*) FROM data_keys") == 3
    assert (await store.person(database, alone)).customer.name == "No Address"
    assert (await store.person(database, nothing)).method.type is MethodType.HOSTED
    shell = Shell(store.url, ENCRYPTION_KEYS=OLD)
    words = ("personal", "find", "--merchant", "Shop", "--email", "ada.canary@example.com")
    found = json.loads(await asyncio.to_thread(shell, *words, "--json"))
    assert [row["id"] for row in found] == [again, first]
    assert "100 NGN" in await asyncio.to_thread(shell, *words)
    nobody = ("personal", "find", "--merchant", "Nobody", "--email", "a@example.com")
    assert "no merchant" in await asyncio.to_thread(shell, *nobody, code=1)


async def test_erasing_a_person_is_deleting_a_key(store: Store) -> None:
    """At once, also for a process that has the key in memory; the checkout stays, others are untouched."""
    database = store.database(OLD)
    checkout, other = (
        await store.create(database),
        await store.create(database, customer={"email": "b@example.com"}),
    )
    await store.seen(database, checkout, other)
    running = await store.create(database, status="processing")
    shell = Shell(store.url, ENCRYPTION_KEYS=OLD)
    words = ("personal", "erase", "--merchant", "Shop", "--email", CUSTOMER["email"], "--reason", "case 4711")
    assert f"still under way ({running})" in await asyncio.to_thread(shell, *words, code=1)
    assert await store.person(database, checkout) == whole()
    await store.connection.execute("UPDATE checkouts SET status = 'failed' WHERE id = $1", running)
    assert await asyncio.to_thread(shell, *words) == "erased from 2 checkouts\n"
    left = await store.person(database, checkout)
    assert left.customer == Customer(country="NG")
    assert left.method == PaymentMethod(type=MethodType.MOBILE_MONEY, bin="539983", network="MTN")
    assert (await store.person(database, other)).customer.email == "b@example.com"
    counted = await store.connection.fetch("SELECT checkout_id FROM sightings WHERE email IS NOT NULL")
    assert [row["checkout_id"] for row in counted] == [other]
    entry = await store.connection.fetchrow("SELECT * FROM audit_log WHERE action = 'person.erased'")
    assert entry is not None
    assert (entry["actor"], entry["subject"], entry["reason"]) == ("cli:ada", store.merchant.id, "case 4711")
    assert "canary" not in str(entry).lower()
    # Who comes back begins anew, whatever a process remembers.
    back = await store.create(database)
    assert await store.person(database, back) == whole()
    assert (await store.person(database, checkout)).customer.email is None
    assert await asyncio.to_thread(shell, *words) == "erased from 1 checkouts\n"
    assert await asyncio.to_thread(shell, *words) == "erased from 0 checkouts\n"


async def test_a_sealed_row_opens_nowhere_else(store: Store) -> None:
    """Bytes moved to another checkout of the same customer do not open, nor does a key that was touched."""
    database = store.database(OLD)
    one, other = await store.create(database), await store.create(database)
    await store.connection.execute(
        "UPDATE checkouts SET personal = c.personal FROM checkouts c WHERE c.id = $1 AND checkouts.id = $2",
        one,
        other,
    )
    with pytest.raises(CannotOpen):
        await store.person(database, other)
    await store.connection.execute("UPDATE data_keys SET wrapped = wrapped || '\\x00'")
    with pytest.raises(CannotOpen):
        await store.person(store.database(OLD), one)


async def test_without_keys_nothing_personal_is_written(store: Store) -> None:
    with pytest.raises(BadKeys, match="ENCRYPTION_KEYS"):
        await store.create(store.database())
    assert await store.connection.fetchval("SELECT count(*) FROM checkouts") == 0


async def test_a_rotation_while_checkouts_come_in(store: Store) -> None:
    """Processes with both rings at work: nothing fails or is lost, and then the old key is of no use."""
    old, both = store.database(OLD), store.database(NEW, OLD)
    before = [await store.create(old, customer={"email": f"c{n % 7}@example.com"}) for n in range(20)]
    still_old = store.database(OLD, NEW)
    stop = asyncio.Event()
    made: list[str] = []

    async def shop(database: Database, offset: int) -> None:
        number = offset
        while not stop.is_set():
            number += 1
            made.append(await store.create(database, customer={"email": f"c{number % 11}@example.com"}))
            assert (await store.person(database, made[-1])).customer.email == f"c{number % 11}@example.com"

    shops = [asyncio.create_task(shop(each, n)) for n, each in enumerate((both, still_old))]
    ring = f"{NEW},{OLD}"
    shell = Shell(store.url, ENCRYPTION_KEYS=ring)
    assert "rows sealed anew" in await asyncio.to_thread(shell, "encryption", "rotate", "--batch", "3")
    stop.set()
    await asyncio.gather(*shops)
    # The last process that sealed with the old key has been restarted: what it wrote is left.
    await asyncio.to_thread(shell, "encryption", "rotate")
    uses = json.loads(await asyncio.to_thread(shell, "encryption", "usage", "--json"))
    assert {use["key"] for use in uses} == {"new"}
    assert {use["table"] for use in uses} == {"data_keys", "merchant_secrets"}
    assert await asyncio.to_thread(shell, "encryption", "rotate") == "0 rows sealed anew\n"
    assert "data_keys" in await asyncio.to_thread(shell, "encryption", "usage")
    new = store.database(NEW)
    for number, checkout in enumerate(before):
        assert (await store.person(new, checkout)).customer.email == f"c{number % 7}@example.com"
    for checkout in made:
        assert (await store.person(new, checkout)).customer.email is not None
    async with new.transaction() as session:
        [secret] = await merchant_secrets.live(session, store.merchant.id)
        assert secret.startswith("whsec_")
        found = await personal.checkouts_of(session, store.merchant.id, "c1@example.com")
        assert set(before[1::7]) <= {row.id for row in found}
    with pytest.raises(CannotOpen, match="no key named 'new'"):
        await store.person(store.database(OLD), before[0])


async def test_a_rotation_without_the_old_key_changes_nothing(store: Store) -> None:
    checkout = await store.create(store.database(OLD))
    told = await asyncio.to_thread(Shell(store.url, ENCRYPTION_KEYS=NEW), "encryption", "rotate", code=1)
    assert "no key named 'old'" in told
    assert await store.person(store.database(OLD), checkout) == whole()


async def test_a_data_key_cannot_go_while_a_checkout_is_being_written_with_it(store: Store) -> None:
    database = store.database(OLD)
    await store.create(database)
    async with database.transaction() as session:
        await checkouts.create(session, store.row())
        await store.connection.execute("SET lock_timeout = '100ms'")
        with pytest.raises(asyncpg.LockNotAvailableError):
            await store.connection.execute("DELETE FROM data_keys")


async def test_data_keys_are_remembered_within_limits(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vault, "MOST_REMEMBERED", 2)
    keys = vault.Vault(KeyRing.parse(OLD))
    made = [keys.make("mer_1", None)[0].id for _ in range(3)]
    assert [keys.remembered(each) is not None for each in made] == [False, True, True]
    monkeypatch.setattr(vault, "REMEMBERED_FOR", -1.0)
    late = keys.make("mer_1", None)[0].id
    assert keys.remembered(late) is None


async def test_a_checkout_whose_key_is_gone_can_still_be_settled(store: Store) -> None:
    database = store.database(OLD)
    checkout = await store.create(database, status="processing")
    await store.connection.execute("DELETE FROM data_keys")
    async with database.transaction() as session:
        await checkouts.advance(session, checkout, CheckoutStatus.FAILED)
    assert (await store.person(database, checkout)).customer.email is None
