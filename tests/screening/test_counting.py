"""What the counters say: by window, by merchant, by key, and without anything personal in them."""

import itertools
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlmodel import col, select

from activities.screening import Screener
from config.keys import KeyRing, new_key
from domain.checkout import CheckoutStatus
from domain.ids import Prefix, new_id
from domain.route import Country, CountrySource
from domain.screening import ScreeningMode
from storage import checkouts, personal, velocity
from storage.database import Database
from storage.tables import Checkout, Sighting
from storage.velocity import Earlier, History, Traits
from tests.workflow.world import new_merchant, settings

CARD, OTHER = b"card", b"other"
NOWHERE = Country(code=None, source=CountrySource.DEFAULT)
_numbers = itertools.count(1)


@pytest.fixture
async def database(module_database_url: str) -> AsyncIterator[Database]:
    read = settings(module_database_url)
    opened = Database(read.sqlalchemy_url, pool_size=2, keys=read.keys)
    yield opened
    await opened.aclose()


def row_of(merchant: str, **changes: Any) -> Checkout:
    values: dict[str, Any] = {
        "id": new_id(Prefix.CHECKOUT),
        "merchant_id": merchant,
        "idempotency_key": f"key-{next(_numbers)}",
        "request_digest": b"\0" * 32,
        "reference": None,
        "status": CheckoutStatus.PROCESSING,
        "amount": 5_000,
        "currency": "NGN",
        "capture_method": "automatic",
        "customer": {},
        "payment_method": {"type": "card", "tokens": {"card-a": "tok_1"}},
        "allow_redirect": False,
        "gateway_choice": None,
        "return_url": None,
        "notification_url": None,
        "meta": {},
        **changes,
    }
    return Checkout(**values)


async def see(database: Database, merchant: str, *, ago: float = 0, **changes: Any) -> str:
    """A sighting of so many seconds ago."""
    row = row_of(merchant)
    marks = {"small": False, "disposable": False, "stopped": False}
    values: dict[str, Any] = {"amount": 5_000, "currency": "NGN", "card": CARD, **marks, **changes}
    async with database.transaction() as session:
        await checkouts.create(session, row)
        session.add(
            Sighting(
                checkout_id=row.id,
                merchant_id=merchant,
                at=datetime.now(UTC) - timedelta(seconds=ago),
                **values,
            )
        )
    return row.id


async def before(database: Database, merchant: str, **traits: Any) -> History:
    async with database.transaction() as session:
        return await velocity.before(
            session, merchant, Traits(**traits), currency="NGN", mismatch="US/NG/GB", window=3600, burst=600
        )


async def test_windows(database: Database) -> None:
    merchant = await new_merchant(database)
    await see(database, merchant, ago=10, declined=True)
    await see(database, merchant, ago=2_000, stopped=True, small=True)
    await see(database, merchant, ago=5_000, small=True, amount=70)
    await see(database, merchant, ago=90_000, small=True, amount=900_000)
    found = await before(database, merchant, card=[CARD], bin=["539983"])
    assert found.traits == {
        "card": Earlier(tries=2, failed=2, small=1, cards=1, probes=2, largest=5_000),
        "bin": Earlier(tries=0, failed=0, small=0, cards=0, probes=0, largest=0),
    }
    assert (found.merchant.stopped, found.merchant.small_failed) == (0, 0)


async def test_an_address_has_its_cards_counted_in_the_burst(database: Database) -> None:
    merchant = await new_merchant(database)
    for number, ago in enumerate((1, 2, 2_000)):
        await see(database, merchant, ago=ago, card=b"%d" % number, ip=b"ip", email=b"email")
    found = (await before(database, merchant, ip=[b"ip"], email=[b"email"])).traits
    assert (found["ip"].cards, found["email"].cards) == (2, 3)


async def test_the_usual_is_the_median_of_what_was_not_stopped(database: Database) -> None:
    merchant = await new_merchant(database)
    for amount in (100, 200, 300, 400, 500):
        await see(database, merchant, amount=amount)
    await see(database, merchant, amount=10**9, declined=True)
    await see(database, merchant, amount=10**9, stopped=True)
    await see(database, merchant, amount=10**9, currency="UGX")
    found = (await before(database, merchant)).merchant
    assert (found.usual, found.known, found.stopped) == (300, 5, 1)
    nobody = (await before(database, await new_merchant(database))).merchant
    assert (nobody.usual, nobody.known) == (None, 0)


async def test_each_merchants_traffic_counts_for_itself(database: Database) -> None:
    one, other = await new_merchant(database), await new_merchant(database)
    await see(database, one)
    assert (await before(database, other, card=[CARD])).traits["card"].tries == 0
    assert (await before(database, one, card=[OTHER])).traits["card"].tries == 0
    assert (await before(database, one, card=[OTHER, CARD])).traits["card"].tries == 1


async def test_what_is_stopped_for_other_reasons_does_not_count_for_a_bin(database: Database) -> None:
    merchant = await new_merchant(database)
    for marks in ({"declined": True}, {"stopped": True}, {"stopped": True, "small": True}, {}):
        await see(database, merchant, bin="539983", **marks)
    found = (await before(database, merchant, bin=["539983"], card=[CARD])).traits
    assert (found["bin"].tries, found["bin"].failed) == (3, 2)
    assert (found["card"].tries, found["card"].failed) == (4, 3)


async def test_countries_that_do_not_fit_count_by_their_pattern(database: Database) -> None:
    merchant = await new_merchant(database)
    for pattern in ("US/NG/GB", "US/NG/GB", "GB/NG/NG", None):
        await see(database, merchant, mismatch=pattern)
    await see(database, merchant, mismatch="US/NG/GB", ago=700)
    assert (await before(database, merchant)).merchant.mismatch == 2


async def test_what_is_old_is_forgotten(database: Database) -> None:
    merchant = await new_merchant(database)
    old = await see(database, merchant, ago=velocity.KEPT + 60)
    young = await see(database, merchant, ago=velocity.KEPT - 60)
    async with database.transaction() as session:
        await velocity.forget(session)
        left = await session.exec(
            select(Sighting.checkout_id).where(col(Sighting.checkout_id).in_([old, young]))
        )
        assert list(left) == [young]


async def screened(database: Database, screener: Screener, row: Checkout) -> int | None:
    """Screen it and keep it; how often its card was seen before."""
    async with database.transaction() as session:
        await checkouts.create(session, row)
        person = await personal.of(session, row)
        found = await screener.screen(session, row, person, NOWHERE)
        assert found is not None
        await velocity.saw(session, found.sighting)
    async with database.transaction() as session:
        history = await velocity.before(
            session,
            row.merchant_id,
            screener.traits_of(person),
            currency="NGN",
            mismatch=None,
            window=3600,
            burst=600,
        )
    return history.traits["card"].tries


async def test_what_was_counted_under_the_key_before_is_found(database: Database) -> None:
    merchant = await new_merchant(database)
    first, second = new_key("first"), new_key("second")
    counted = [
        await screened(database, Screener(ScreeningMode.ON, keys=KeyRing.parse(keys)), row_of(merchant))
        for keys in (first, f"{second},{first}", second)
    ]
    assert counted == [1, 2, 2]


@pytest.mark.parametrize("keys", [None, KeyRing.parse(new_key("one"))], ids=["no key", "a key"])
async def test_nothing_personal_is_in_the_counters(database: Database, keys: KeyRing | None) -> None:
    secrets = {"email": "ada.lovelace@example.com", "ip": "41.58.77.99", "name": "Ada"}
    method = {"type": "card", "bin": "53998312", "tokens": {"card-a": "tok_secret"}}
    row = row_of(await new_merchant(database), customer=secrets, payment_method=method)
    await screened(database, Screener(ScreeningMode.ON, keys=keys), row)
    async with database.transaction() as session:
        kept = (await session.exec(select(Sighting).where(col(Sighting.checkout_id) == row.id))).one()
    for value in (*secrets.values(), "tok_secret", "lovelace"):
        assert value.encode() not in b"".join(str(each).encode() for each in kept.model_dump().values())
    assert kept.bin == "539983"
    assert None not in (kept.card, kept.email, kept.ip)
