"""What is written for whom, and when."""

import asyncio

import pytest
from temporalio.client import Client

from api.views import checkout_view
from config.temporal import DATA_CONVERTER
from domain.checkout import CheckoutStatus
from domain.notification import ON_STATUS, NotificationType
from storage import attempts, checkouts, notifications, personal
from tests.notifications.world import World

HOOKS = "https://shop.example/hooks"


async def test_every_status_but_processing_is_told_in_order(world: World) -> None:
    checkout_id = await world.check_out(
        HOOKS,
        CheckoutStatus.REQUIRES_ACTION,
        CheckoutStatus.PROCESSING,
        CheckoutStatus.IN_REVIEW,
        CheckoutStatus.REQUIRES_CAPTURE,
        CheckoutStatus.EXPIRED,
    )
    rows = await world.outbox(checkout_id)
    assert [(row.sequence, row.type) for row in rows] == [
        (1, "checkout.requires_action"),
        (2, "checkout.in_review"),
        (3, "checkout.requires_capture"),
        (4, "checkout.expired"),
    ]
    assert [row.type.removeprefix("checkout.") for row in rows] == [row.data["status"] for row in rows]
    assert set(ON_STATUS) == set(CheckoutStatus) - {CheckoutStatus.PROCESSING}


async def test_writing_a_status_twice_tells_once(world: World) -> None:
    checkout_id = await world.check_out(HOOKS, CheckoutStatus.SUCCEEDED, CheckoutStatus.SUCCEEDED)
    assert len(await world.outbox(checkout_id)) == 1


async def test_nothing_is_told_where_nobody_wants_it(world: World) -> None:
    checkout_id = await world.check_out(None, CheckoutStatus.REQUIRES_ACTION, CheckoutStatus.SUCCEEDED)
    assert await world.outbox(checkout_id) == []


async def test_a_change_that_is_rolled_back_tells_nothing(world: World) -> None:
    checkout_id = await world.check_out(HOOKS)
    with pytest.raises(checkouts.IllegalTransition):
        await advance_and_fail(world, checkout_id)
    assert await world.outbox(checkout_id) == []


async def advance_and_fail(world: World, checkout_id: str) -> None:
    async with world.database.transaction() as session:
        await checkouts.advance(session, checkout_id, CheckoutStatus.SUCCEEDED)
        assert len(await notifications.of_checkout(session, checkout_id)) == 1
        await checkouts.advance(session, checkout_id, CheckoutStatus.FAILED)


async def test_an_event_shows_the_checkout_as_the_api_does_without_what_is_private(world: World) -> None:
    checkout_id = await world.check_out(
        HOOKS, CheckoutStatus.SUCCEEDED, amount_captured=12500, gateway="stripe", account="stripe"
    )
    data = (await world.only(checkout_id)).data
    async with world.database.transaction() as session:
        row = await checkouts.get(session, checkout_id)
        made = await attempts.of_checkout(session, checkout_id)
        assert row is not None
        person = await personal.of(session, row)
    shown = checkout_view(row, made, [], person).model_dump(mode="json")
    assert data.items() <= shown.items()
    assert data["amount_captured"] == 12500
    assert not {"customer", "metadata", "next_action", "routing"} & data.keys()


async def test_other_things_can_be_told_in_the_same_order(world: World) -> None:
    checkout_id = await world.check_out(HOOKS, CheckoutStatus.SUCCEEDED)
    async with world.database.transaction() as session:
        await notifications.announce(
            session, checkout_id, NotificationType.REFUND_SUCCEEDED, refund={"id": "re_1", "amount": 500}
        )
    rows = await world.outbox(checkout_id)
    assert [(row.sequence, row.type) for row in rows] == [(1, "checkout.succeeded"), (2, "refund.succeeded")]
    assert rows[1].data["refund"] == {"id": "re_1", "amount": 500}
    assert rows[1].data["id"] == checkout_id


async def test_events_written_at_once_have_numbers_of_their_own(world: World) -> None:
    checkout_id = await world.check_out(HOOKS, CheckoutStatus.SUCCEEDED)

    async def tell(number: int) -> None:
        async with world.database.transaction() as session:
            await notifications.announce(
                session, checkout_id, NotificationType.REFUND_FAILED, refund={"id": f"re_{number}"}
            )

    await asyncio.gather(*(tell(number) for number in range(6)))
    assert [row.sequence for row in await world.outbox(checkout_id)] == [1, 2, 3, 4, 5, 6, 7]


async def test_a_claim_is_one_process_alone_until_its_lease_ends(world: World) -> None:
    wanted = {(await world.only(await world.check_out(HOOKS, CheckoutStatus.FAILED))).id for _ in range(6)}

    async def claim(lease: float) -> list[str]:
        async with world.database.transaction() as session:
            return [each for each, _ in await notifications.claim_due(session, lease=lease, limit=10)]

    first, second = await asyncio.gather(claim(30), claim(30))
    assert sorted(first + second) == sorted(wanted)
    assert await claim(30) == []
    async with world.database.transaction() as session:
        await notifications.mark_started(session, sorted(wanted)[:5])
    async with world.database.transaction() as session:
        await notifications.resend(session, min(wanted))
    # Its owner died: started at once again where the lease is over.
    assert await claim(0) == [min(wanted)]
    assert await claim(0) == [min(wanted)]


async def test_what_cannot_be_started_stays_due(world: World) -> None:
    """Temporal is away: nothing is lost, and the next process tries after the lease."""
    checkout_id = await world.check_out(HOOKS, CheckoutStatus.FAILED)
    nobody = await Client.connect("127.0.0.1:1", lazy=True, data_converter=DATA_CONVERTER)
    with pytest.raises(RuntimeError, match="connect"):
        await world.start(nobody)
    assert (await world.only(checkout_id)).start_at is not None
