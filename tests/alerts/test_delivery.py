"""Alerts reach people: once where all goes well, again where it does not, with many workers or one."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest

from activities.alert_delivery import AT_ONCE, AlertDelivery, BadAlertUrls, Target, targets_of
from config.settings import Settings
from storage import alerts
from storage.database import Database
from storage.events import alert
from tests.notifications.receiver import Receiver, receiving, status
from tests.patience import PATIENCE

pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")
"""One of Apprise's services imports it."""

PAGE = "https://pay.example.com/admin/alerts"


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    opened = Database(Settings(database_url=database_url).sqlalchemy_url, pool_size=6)
    yield opened
    await opened.aclose()


@pytest.fixture
async def rows(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as opened:
        yield opened


def told_to(*receivers: Receiver) -> list[Target]:
    urls = " ".join(f"json://127.0.0.1:{each.port}/alerts" for each in receivers)
    return list(targets_of(Settings.model_validate({"alert_urls": urls})))


def delivery(database: Database, *receivers: Receiver) -> AlertDelivery:
    return AlertDelivery(database, told_to(*receivers), "https://pay.example.com/")


async def raise_alert(database: Database, subject: str, kind: str = "account.circuit_open") -> None:
    async with database.transaction() as session:
        await alert(session, kind, subject, f"{subject} fails")


def messages(receiver: Receiver) -> list[dict[str, Any]]:
    return [json.loads(each.body) for each in receiver.received]


async def test_an_alert_is_told_once_to_everybody(
    database: Database, receiver: Receiver, rows: asyncpg.Connection
) -> None:
    async with receiving() as other:
        await raise_alert(database, "stripe/card")
        for _ in range(3):
            await delivery(database, receiver, other).deliver_due()
        for each in (receiver, other):
            [message] = messages(each)
            assert message["title"] == "smartpay: account.circuit_open"
            assert "account.circuit_open (stripe/card): stripe/card fails" in message["message"]
            assert PAGE in message["message"]
    kept = await rows.fetch("SELECT target, attempts, delivered_at FROM alert_deliveries")
    assert [(row["attempts"], row["delivered_at"] is not None) for row in kept] == [(1, True), (1, True)]
    assert all(row["target"].startswith("json-") and "127.0.0.1" not in row["target"] for row in kept)


async def test_what_comes_together_leaves_as_one_message(database: Database, receiver: Receiver) -> None:
    for number in range(AT_ONCE + 1):
        await raise_alert(database, f"account-{number:02}/card")
    await delivery(database, receiver).deliver_due()
    many, last = messages(receiver)
    assert many["title"] == f"smartpay: {AT_ONCE} alerts"
    assert [line.split(" ")[1] for line in many["message"].splitlines()[:2]] == [
        "(account-00/card):",
        "(account-01/card):",
    ]
    assert f"account-{AT_ONCE}/card" in last["message"]


async def test_what_is_not_taken_is_told_again_later(
    database: Database, receiver: Receiver, rows: asyncpg.Connection
) -> None:
    receiver.answers = [status(500), status(503)]
    await raise_alert(database, "stripe/card")
    sending = delivery(database, receiver)
    for tries in (1, 2):
        await sending.deliver_due()
        await sending.deliver_due()  # not due yet
        [row] = await rows.fetch("SELECT * FROM alert_deliveries")
        assert (row["attempts"], row["last_error"], row["delivered_at"]) == (tries, "failure", None)
        await rows.execute("UPDATE alert_deliveries SET next_at = now()")
    await sending.deliver_due()
    [row] = await rows.fetch("SELECT * FROM alert_deliveries")
    assert (row["attempts"], row["last_error"]) == (3, None)
    assert row["delivered_at"] is not None
    assert len(receiver.received) == 3


async def test_one_deaf_service_keeps_no_other_waiting(database: Database, receiver: Receiver) -> None:
    await raise_alert(database, "stripe/card")
    nobody = Receiver(port=1)
    await delivery(database, nobody, receiver).deliver_due()
    assert len(receiver.received) == 1


async def test_workers_share_the_work(database: Database, receiver: Receiver) -> None:
    for number in range(60):
        await raise_alert(database, f"account-{number}/card")
    sending = [delivery(database, receiver) for _ in range(3)]
    await asyncio.gather(*(each.deliver_due() for each in sending))
    lines = [line for message in messages(receiver) for line in message["message"].splitlines()]
    told = [line for line in lines if "fails" in line]
    assert len(told) == len(set(told)) == 60


async def test_after_a_crash_it_is_told_again(
    database: Database, receiver: Receiver, rows: asyncpg.Connection
) -> None:
    """Killed between the claim and the record: the lease runs out, and somebody else sends it."""
    await raise_alert(database, "stripe/card")
    first = delivery(database, receiver)
    gone, over = asyncio.Event(), asyncio.Event()

    async def die() -> None:
        gone.set()
        await over.wait()

    receiver.before_answer = die
    running = asyncio.create_task(first.deliver_due())
    await asyncio.wait_for(gone.wait(), PATIENCE)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    receiver.before_answer = None
    await delivery(database, receiver).deliver_due()
    assert len(receiver.received) == 1  # the lease still holds
    await rows.execute("UPDATE alert_deliveries SET next_at = now()")
    await delivery(database, receiver).deliver_due()
    assert len(receiver.received) == 2
    assert await rows.fetchval("SELECT count(*) FROM alert_deliveries WHERE delivered_at IS NOT NULL") == 1
    over.set()


async def test_what_is_raised_anew_is_told_anew(database: Database, receiver: Receiver) -> None:
    sending = delivery(database, receiver)
    for count in (1, 2):
        async with database.transaction() as session:
            await alerts.raise_anew(session, "account.circuit_open", "stripe/card", f"time {count}")
        await sending.deliver_due()
        await sending.deliver_due()
        assert len(receiver.received) == count
    assert "time 2" in messages(receiver)[1]["message"]


async def test_what_somebody_knows_or_is_a_day_old_is_not_told(
    database: Database, receiver: Receiver, rows: asyncpg.Connection
) -> None:
    for subject in ("known", "old", "stuck"):
        await raise_alert(database, subject)
    await rows.execute("UPDATE alerts SET acknowledged_at = now() WHERE subject = 'known'")
    await rows.execute("UPDATE alerts SET created_at = now() - interval '25 hours' WHERE subject = 'old'")
    receiver.answers = [status(500)]
    sending = delivery(database, receiver)
    await sending.deliver_due()
    assert await rows.fetchval("SELECT array_agg(subject) FROM alert_deliveries") == ["stuck"]
    await rows.execute("UPDATE alert_deliveries SET next_at = now(), raised_at = now() - interval '25 hours'")
    await sending.deliver_due()
    assert await rows.fetchval("SELECT gave_up_at IS NOT NULL FROM alert_deliveries")
    assert len(receiver.received) == 1


def test_a_wrong_url_is_told_by_its_place_and_not_repeated() -> None:
    settings = Settings.model_validate({"alert_urls": "json://a.example/ nonsense://user:secret@b.example"})
    with pytest.raises(BadAlertUrls) as refused:
        targets_of(settings)
    assert "number 2" in str(refused.value)
    assert "secret" not in str(refused.value)


def test_nobody_is_told_where_nobody_is_named() -> None:
    assert targets_of(Settings()) == ()
    same = "json://127.0.0.1:9/a json://127.0.0.1:9/a json://127.0.0.1:9/b"
    names = [each.name for each in targets_of(Settings.model_validate({"alert_urls": same}))]
    assert len(names) == len(set(names)) == 2
