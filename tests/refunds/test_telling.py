"""Whoever asked for a refund is told how it ended (I24); what goes back by itself is told to nobody."""

from sqlmodel import col, select, update

from activities.compensating import Compensating
from activities.messages import AttemptTask
from activities.refunding import Refunding
from api.refund_requests import refund_view
from storage.tables import Checkout, Notification
from tests.refunds.conftest import NewTill
from tests.refunds.till import Till
from tests.workflow.world import AMOUNT

HOOKS = "https://shop.example/hooks"


async def listen(till: Till) -> None:
    """From now on the merchant has an address."""
    async with till.parts.database.transaction() as session:
        await session.exec(
            update(Checkout).where(col(Checkout.id) == till.checkout).values(notification_url=HOOKS)
        )


async def outbox(till: Till) -> list[Notification]:
    async with till.parts.database.transaction() as session:
        found = await session.exec(
            select(Notification)
            .where(col(Notification.checkout_id) == till.checkout)
            .order_by(col(Notification.sequence))
        )
        return list(found.all())


async def test_a_refund_that_succeeded_is_told_as_the_api_shows_it(new_till: NewTill) -> None:
    async with new_till("card-a") as till:
        await listen(till)
        refund = await till.refund(5_000)
        [told] = await outbox(till)
        assert told.type == "refund.succeeded"
        assert told.data["amount_refunded"] == 5_000
        shown = refund_view(refund, "NGN").model_dump(mode="json")
        assert told.data["refund"].items() <= shown.items()
        assert told.data["refund"]["id"] == refund.id


async def test_a_refund_that_failed_is_told_with_its_reason(new_till: NewTill) -> None:
    async with new_till("card-a") as till:
        await listen(till)
        [payment] = till.bank.payments.values()
        till.bank.payments[payment.payment_id] = payment.model_copy(update={"amount_refunded": AMOUNT})
        refund = await till.refund(5_000)
        [told] = await outbox(till)
        assert told.type == "refund.failed"
        assert told.data["refund"]["failure"] == {
            "code": "refused_by_gateway",
            "message": refund.detail,
        }


async def test_parts_are_told_in_their_order(new_till: NewTill) -> None:
    async with new_till("card-a") as till:
        await listen(till)
        await till.refund(1_000, "one")
        await till.refund(2_000, "two")
        rows = await outbox(till)
        assert [row.sequence for row in rows] == [1, 2]
        assert [row.data["amount_refunded"] for row in rows] == [1_000, 3_000]


async def test_a_compensation_is_told_to_nobody(new_till: NewTill) -> None:
    async with new_till("card-a") as till:
        await listen(till)
        async with till.parts.database.transaction() as session:
            await session.exec(
                update(Checkout).where(col(Checkout.id) == till.checkout).values(paid_attempt_id=None)
            )
        context = till.world.context
        task = AttemptTask(checkout_id=till.checkout, attempt_id=till.attempt, account=till.account)
        compensated = await Compensating(context, Refunding(context)).compensate_attempt(task)
        assert compensated.result == "refunded"
        assert till.given_back() == [AMOUNT]
        assert await outbox(till) == []
