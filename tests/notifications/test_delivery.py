"""Delivery runs, with time skipped between the tries."""

import asyncio
import itertools
from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest
from standardwebhooks import WebhookVerificationError
from temporalio.client import WorkflowHandle
from temporalio.testing import WorkflowEnvironment

from activities.callback import Callbacks
from activities.messages import Delivered, Delivery
from config.keys import new_key
from config.settings import Settings
from domain.checkout import CheckoutStatus
from storage import merchant_secrets, notifications
from tests.notifications.receiver import Receiver, receiving, status
from tests.notifications.world import World, new_world
from tests.patience import PATIENCE
from workflows.merchant_notification import MerchantNotification, notification_queue
from workflows.messages import NotifyInput


def run_of(env: WorkflowEnvironment, notification_id: str) -> WorkflowHandle[MerchantNotification, Delivered]:
    return env.client.get_workflow_handle_for(MerchantNotification.run, f"notify/{notification_id}")


async def outcome(env: WorkflowEnvironment, notification_id: str) -> Delivery:
    """Waits for the run's end; days pass at once."""
    run = asyncio.ensure_future(run_of(env, notification_id).result())
    async with asyncio.timeout(PATIENCE):
        while not (await asyncio.wait({run}, timeout=0.1))[0]:
            await env.sleep(timedelta(hours=12))
    return run.result().result


async def test_delivered_once_and_signed(world: World, env: WorkflowEnvironment, receiver: Receiver) -> None:
    checkout_id = await world.check_out(receiver.url, CheckoutStatus.SUCCEEDED, amount_captured=12500)
    row = await world.only(checkout_id)
    async with world.workers(env.client):
        assert await world.start(env.client) == 1
        assert await outcome(env, row.id) is Delivery.DELIVERED
        assert await world.start(env.client) == 0
    (received,) = receiver.received
    (secret,) = await world.secrets()
    event = received.verified(secret)
    assert event["id"] == received.headers["webhook-id"] == row.id
    assert event["type"] == "checkout.succeeded"
    assert event["sequence"] == 1
    assert event["data"] == row.data
    assert datetime.fromisoformat(event["timestamp"]) - row.created_at < timedelta(milliseconds=1)
    assert received.headers["content-type"] == "application/json"
    assert received.headers["host"] == f"127.0.0.1:{receiver.port}"
    for private in (b"customer@example.com", b"+234", b"pm_secret"):
        assert private not in received.body
    with pytest.raises(WebhookVerificationError):
        received.verified("whsec_" + "A" * 32)
    row = await world.only(checkout_id)
    assert row.delivered_at is not None
    assert (row.attempts, row.last_status, row.last_fault) == (1, 204, None)


async def test_tried_again_under_the_same_id_until_it_is_taken(
    world: World, env: WorkflowEnvironment, receiver: Receiver
) -> None:
    receiver.answers = [status(500), None, status(302, "Location: http://169.254.169.254/"), status(200)]
    row = await world.only(await world.check_out(receiver.url, CheckoutStatus.FAILED))
    async with world.workers(env.client):
        await world.start(env.client)
        assert await outcome(env, row.id) is Delivery.DELIVERED
    assert len(receiver.received) == 4
    assert {each.headers["webhook-id"] for each in receiver.received} == {row.id}
    assert len({each.body for each in receiver.received}) == 1
    row = await world.only(row.checkout_id)
    assert (row.attempts, row.last_status) == (4, 200)


async def test_a_server_that_is_away_is_asked_on_the_schedule(
    world: World, env: WorkflowEnvironment, receiver: Receiver
) -> None:
    """Pauses of 5 s, 5 min, 30 min, 2 h, 5 h and so on, a tenth more or less."""
    asked: list[datetime] = []

    async def resolve(_host: str, _port: int) -> Sequence[str]:
        asked.append(await env.get_current_time())
        if len(asked) < 6:
            raise OSError("no such host")
        return ["127.0.0.1"]

    callbacks = Callbacks(timeout=PATIENCE, allow_loopback=True, resolve=resolve)
    row = await world.only(
        await world.check_out(f"http://shop.example:{receiver.port}/", CheckoutStatus.FAILED)
    )
    async with world.workers(env.client, callbacks):
        await world.start(env.client)
        assert await outcome(env, row.id) is Delivery.DELIVERED
    pauses = [(after - before).total_seconds() for before, after in itertools.pairwise(asked)]
    for pause, planned in zip(pauses, world.settings.notification_intervals, strict=False):
        assert planned * 0.9 - 1 <= pause <= planned * 1.1 + 5


async def test_given_up_after_days_with_an_alert_and_sent_again_by_command(
    world: World, env: WorkflowEnvironment
) -> None:
    async with receiving() as away:
        url = away.url
    checkout_id = await world.check_out(url, CheckoutStatus.SUCCEEDED)
    row = await world.only(checkout_id)
    async with world.workers(env.client):
        await world.start(env.client)
        assert await outcome(env, row.id) is Delivery.GAVE_UP
        row = await world.only(checkout_id)
        assert row.gave_up_at is not None
        assert row.delivered_at is None
        assert row.last_fault == "unreachable"
        assert row.attempts >= 10
        assert await world.alerts(row.id) == ["notification.undeliverable"]

        server = await asyncio.start_server(Receiver().serve, "127.0.0.1", away.port)
        async with world.database.transaction() as session:
            assert await notifications.resend(session, row.id)
            assert not await notifications.resend(session, "evt_unknown")
        await world.start(env.client)
        assert await outcome(env, row.id) is Delivery.DELIVERED
        server.close()
    row = await world.only(checkout_id)
    assert row.delivered_at is not None
    assert row.gave_up_at is None


async def test_a_delivered_one_is_sent_again_by_command(
    world: World, env: WorkflowEnvironment, receiver: Receiver
) -> None:
    row = await world.only(await world.check_out(receiver.url, CheckoutStatus.SUCCEEDED))
    async with world.workers(env.client):
        await world.start(env.client)
        assert await outcome(env, row.id) is Delivery.DELIVERED
        async with world.database.transaction() as session:
            await notifications.resend(session, row.id)
        await world.start(env.client)
        await receiver.wait(2)
        assert await outcome(env, row.id) is Delivery.DELIVERED
    assert {each.headers["webhook-id"] for each in receiver.received} == {row.id}


async def test_410_ends_it(world: World, env: WorkflowEnvironment, receiver: Receiver) -> None:
    receiver.answers = [status(410)]
    row = await world.only(await world.check_out(receiver.url, CheckoutStatus.SUCCEEDED))
    async with world.workers(env.client):
        await world.start(env.client)
        assert await outcome(env, row.id) is Delivery.GONE
    assert len(receiver.received) == 1
    assert (await world.only(row.checkout_id)).gave_up_at is not None
    assert await world.alerts(row.id) == ["notification.undeliverable"]


async def test_a_second_start_of_the_same_delivers_nothing_more(
    world: World, env: WorkflowEnvironment, receiver: Receiver
) -> None:
    """A process that died between the start and its record."""
    row = await world.only(await world.check_out(receiver.url, CheckoutStatus.SUCCEEDED))
    async with world.workers(env.client):
        await world.start(env.client)
        assert await outcome(env, row.id) is Delivery.DELIVERED
        await env.client.start_workflow(
            MerchantNotification.run,
            NotifyInput(
                notification_id=row.id,
                task_queue=notification_queue(world.settings.task_queue),
                give_up_after=60,
            ),
            id=f"notify/{row.id}",
            task_queue=world.settings.task_queue,
        )
        assert await outcome(env, row.id) is Delivery.DELIVERED
    assert len(receiver.received) == 1


async def test_a_kill_between_delivery_and_record_delivers_again_under_the_same_id(
    world: World, env: WorkflowEnvironment, receiver: Receiver
) -> None:
    row = await world.only(await world.check_out(receiver.url, CheckoutStatus.SUCCEEDED))
    over = asyncio.Event()

    async def hold() -> None:
        """The first one is taken, but its sender is gone before it hears of it."""
        if len(receiver.received) == 1:
            await over.wait()

    receiver.before_answer = hold
    async with world.runs(env.client):
        async with world.deliveries(env.client):
            await world.start(env.client)
            await receiver.wait(1)
        assert (await world.only(row.checkout_id)).delivered_at is None
        async with world.deliveries(env.client):
            assert await outcome(env, row.id) is Delivery.DELIVERED
    over.set()
    first, second = receiver.received
    assert first.headers["webhook-id"] == second.headers["webhook-id"] == row.id
    assert first.body == second.body


async def test_while_a_secret_is_rotated_both_sign(
    world: World, env: WorkflowEnvironment, receiver: Receiver
) -> None:
    (old,) = await world.secrets()
    async with world.database.transaction() as session:
        new = await merchant_secrets.rotate(session, world.merchant_id, overlap=3600)
    assert await world.secrets() == [new, old]
    row = await world.only(await world.check_out(receiver.url, CheckoutStatus.SUCCEEDED))
    async with world.workers(env.client):
        await world.start(env.client)
        await outcome(env, row.id)
    (received,) = receiver.received
    assert len(received.headers["webhook-signature"].split()) == 2
    assert received.verified(old) == received.verified(new)

    async with world.database.transaction() as session:
        newest = await merchant_secrets.rotate(session, world.merchant_id, overlap=0)
    assert await world.secrets() == [newest, old]


async def test_in_production_this_machine_is_never_called(
    database_url: str, env: WorkflowEnvironment, receiver: Receiver
) -> None:
    """Also where the row says so: it is judged at the send, not only when it was given."""
    async with new_world(
        database_url,
        environment="production",
        encryption_keys=new_key("test"),
        notification_give_up_after=60,
        notification_intervals=(5,),
    ) as world:
        row = await world.only(await world.check_out(receiver.url, CheckoutStatus.SUCCEEDED))
        async with world.workers(env.client):
            await world.start(env.client)
            assert await outcome(env, row.id) is Delivery.GAVE_UP
        row = await world.only(row.checkout_id)
        assert row.last_fault == "address_refused"
    assert receiver.received == []


def test_the_settings_are_those_of_production() -> None:
    """Days of tries, short calls, a day to change a secret."""
    settings = Settings()
    assert settings.notification_timeout == 5
    assert sum(settings.notification_intervals) > 3 * 86400
    assert settings.notification_give_up_after >= sum(settings.notification_intervals)
    assert settings.notification_secret_overlap >= 86400
    assert not Settings.model_validate(
        {"environment": "production", "encryption_keys": new_key("test")}
    ).allow_loopback
