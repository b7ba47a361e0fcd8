"""What is accepted, reserved and replayed, before anything is sent."""

import asyncio
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from api.errors import IdempotencyKeyReused, NotFound, NotRefundable, RefundExceedsCaptured
from api.refund_requests import Accepted, accept_refund
from api.schemas_refunds import RefundBody
from api.sweep import sweep
from storage import checkouts
from tests.refunds.conftest import NewTill
from tests.refunds.till import till_in
from tests.workflow.conftest import NewWorld
from tests.workflow.world import AMOUNT, new_merchant, skipping_world
from workflows.messages import CancelCheckout


async def test_the_same_key_is_the_same_refund_for_ever(new_till: NewTill) -> None:
    """I17: also after it is final; another amount or reason under the key is refused and reserves nothing."""
    async with new_till("card-a") as till:
        first = await till.accept(5_000, reason="returned")
        again = await till.accept(5_000, reason="returned")
        assert (first.new, again.new, again.refund.id) == (True, False, first.refund.id)
        await (await till.start(first.refund.id)).result()
        assert (await till.accept(5_000, reason="returned")).refund.status == "succeeded"
        for amount, reason in ((4_000, "returned"), (5_000, "other"), (None, "returned")):
            with pytest.raises(IdempotencyKeyReused):
                await till.accept(amount, reason=reason)
        attempt = await till.paid()
        assert (attempt.amount_refunded, attempt.amount_reserved) == (5_000, 0)


async def test_a_key_belongs_to_one_checkout(new_till: NewTill) -> None:
    async with new_till("card-a") as till:
        other = await till_in(till.world, "card-a")
        await till.accept(1_000, "shared")
        with pytest.raises(IdempotencyKeyReused):
            await other.accept(1_000, "shared")
        assert (await other.paid()).amount_reserved == 0


async def test_the_same_request_at_once_is_one_refund(new_till: NewTill) -> None:
    """A4."""
    async with new_till("card-a") as till:
        answers = await asyncio.gather(*(till.accept() for _ in range(20)))
        assert len({each.refund.id for each in answers}) == 1
        assert sum(each.new for each in answers) == 1
        assert (await till.paid()).amount_reserved == AMOUNT


async def test_more_than_is_left_is_refused(new_till: NewTill) -> None:
    """I12: refunds that are only under way count as well."""
    async with new_till("card-a") as till:
        with pytest.raises(RefundExceedsCaptured):
            await till.accept(AMOUNT + 1, "too much")
        await till.accept(AMOUNT - 500, "most")
        with pytest.raises(RefundExceedsCaptured):
            await till.accept(501, "too much for the rest")
        rest = await till.accept(None, "the rest")
        assert rest.refund.amount == 500
        with pytest.raises(RefundExceedsCaptured):
            await till.accept(None, "nothing is left")


async def test_another_merchant_sees_no_checkout(new_till: NewTill) -> None:
    """I21."""
    async with new_till("card-a") as till:
        stranger = await new_merchant(till.parts.database)
        with pytest.raises(NotFound):
            await accept_refund(till.parts, till.checkout, stranger, "key", RefundBody())


async def test_releasing_an_authorization_is_not_a_refund(new_world: NewWorld) -> None:
    async with new_world("card-a") as world:
        till = await till_in(world, "card-a")
        held = await world.checkout(capture_method="manual")
        handle = await world.start(held)
        await world.until(held, "requires_capture")
        with pytest.raises(NotRefundable):
            await accept_refund(till.parts, held, world.merchant_id, "key", RefundBody())
        await handle.execute_update("cancel", CancelCheckout())
        with pytest.raises(NotRefundable):
            await accept_refund(till.parts, held, world.merchant_id, "key", RefundBody())
        assert await world.statuses(held) == ["card-a voided"]
        assert not await world.refunds(held)


async def test_a_refund_whose_start_was_lost_is_started_by_the_sweep(database_url: str) -> None:
    """A1: the API died between the commit and the start. In a database of its own: the sweep takes whatever
    was not started, other tests' too."""
    async with skipping_world(database_url, ("card-a",)) as world:
        till = await till_in(world, "card-a")
        refund = (await till.accept()).refund
        await till.set_refund(refund.id, created_at=datetime.now(UTC) - timedelta(minutes=1))
        await sweep(till.parts)
        await (await till.start(refund.id)).result()
        assert (await till.row(refund.id)).status == "succeeded"
        assert till.given_back() == [AMOUNT]


async def test_twenty_at_once_never_exceed_the_capture(new_till: NewTill) -> None:
    """I12: a thousand each of 12,500, accepted at once and carried out at once."""
    async with new_till("card-a") as till:

        async def ask(number: int) -> Accepted | None:
            try:
                return await till.accept(1_000, f"key-{number}")
            except RefundExceedsCaptured:
                return None

        accepted = [each for each in await asyncio.gather(*map(ask, range(20))) if each is not None]
        assert len(accepted) == 12
        runs = await asyncio.gather(*(till.start(each.refund.id) for each in accepted))
        results = [(await run.result()).status for run in runs]
        assert Counter(results) == {"succeeded": 12}
        assert sum(till.given_back()) == 12_000
        attempt = await till.paid()
        assert (attempt.status, attempt.amount_refunded, attempt.amount_reserved) == ("captured", 12_000, 0)
        async with till.parts.database.transaction() as session:
            checkout = await checkouts.get(session, till.checkout)
        assert checkout is not None
        assert (checkout.status, checkout.amount_refunded) == ("succeeded", 12_000)
