"""The running product tells a shop."""

import asyncio
import os
import sys
import time
from asyncio.subprocess import DEVNULL

import asyncpg

from devstack.programs import ROOT
from devstack.stack import Stack
from storage import merchant_secrets
from tests.live import Shop, eventually, open_database
from tests.notifications.receiver import Receiver, receiving, status

CARD = {"type": "card", "tokens": {"stripe": "pm_card_visa"}}


async def secret_of(stack: Stack, shop: Shop) -> str:
    database = open_database(stack)
    try:
        async with database.transaction() as session:
            return (await merchant_secrets.live(session, shop.merchant_id))[0]
    finally:
        await database.aclose()


async def test_a_paid_checkout_is_told_and_told_again_until_it_is_taken(
    stack: Stack, shop: Shop, receiver: Receiver, database: asyncpg.Connection
) -> None:
    receiver.answers = [status(503)]
    body = {"amount": 1999, "currency": "USD", "payment_method": CARD, "notification_url": receiver.url}
    checkout = await shop.check_out(body, wait=10)
    assert checkout["status"] == "succeeded"
    first = (await receiver.wait(1))[0]
    second = (await receiver.wait(2))[1]
    secret = await secret_of(stack, shop)
    event = second.verified(secret)
    assert event == first.verified(secret)
    assert event["type"] == "checkout.succeeded"
    assert event["data"].items() <= checkout.items()

    async def delivered() -> bool:
        return bool(
            await database.fetchval("SELECT delivered_at FROM notifications WHERE id = $1", event["id"])
        )

    await eventually("it is recorded", delivered)
    assert len(receiver.received) == 2


async def test_sent_again_by_command_without_waiting_for_the_next_try(
    stack: Stack, shop: Shop, receiver: Receiver, database: asyncpg.Connection
) -> None:
    """The demo's sixth try comes 10 seconds after the fifth, a tenth more or less."""
    receiver.answers = [status(503)] * 5
    body = {"amount": 1999, "currency": "USD", "payment_method": CARD, "notification_url": receiver.url}
    await shop.check_out(body)
    event_id = (await receiver.wait(5))[4].headers["webhook-id"]
    fifth = time.monotonic()
    command = (sys.executable, "-m", "cli.main", "notifications", "resend", event_id)
    process = await asyncio.create_subprocess_exec(
        *command, env={**os.environ, "DATABASE_URL": stack.database_url}, cwd=ROOT, stdout=DEVNULL
    )
    assert await process.wait() == 0
    assert (await receiver.wait(6))[5].headers["webhook-id"] == event_id
    assert time.monotonic() - fifth < 9
    row = await database.fetchrow("SELECT attempts, start_at FROM notifications WHERE id = $1", event_id)
    assert row is not None
    assert row["start_at"] is None


async def test_killing_api_and_worker_loses_no_event(
    stack: Stack, shop: Shop, database: asyncpg.Connection
) -> None:
    async with receiving() as receiver:
        body = {"amount": 2500, "currency": "USD", "payment_method": CARD, "notification_url": receiver.url}
        checkout = await shop.check_out(body, wait=0)
        stack.kill("api")
        stack.kill("worker")
        await stack.wait_ready()
        event = (await receiver.wait(1))[0].verified(await secret_of(stack, shop))
        assert event["data"]["id"] == checkout["id"]
