"""A dispute is what the gateway's look-up says. It bars refunds, however late or often it is told."""

import asyncio
from datetime import timedelta

import pytest
from sqlmodel import col, update

from activities.compensating import Compensating
from activities.disputing import Disputing
from activities.messages import CompensateAttempt
from activities.refunding import Refunding
from api.dispute_runs import look_at_disputes, scan_disputes
from api.errors import PaymentDisputed
from domain.dispute import DisputeStatus
from storage import attempts, disputes
from storage.tables import Attempt, Checkout, Dispute
from tests.refunds.conftest import NewTill
from tests.refunds.till import Till
from tests.workflow.world import AMOUNT

OPEN, WON, LOST = DisputeStatus.NEEDS_RESPONSE, DisputeStatus.WON, DisputeStatus.LOST
BOTH = pytest.mark.parametrize("account", ["card-a", "momo"])


def task(till: Till) -> CompensateAttempt:
    return CompensateAttempt(checkout_id=till.checkout, attempt_id=till.attempt, account=till.account)


async def looked(till: Till) -> None:
    await Disputing(till.world.context).look_up_disputes(task(till))


async def known(till: Till) -> list[Dispute]:
    async with till.parts.database.transaction() as session:
        return list(await disputes.of_attempt(session, till.attempt))


async def abandoned(till: Till) -> None:
    """Nobody counts the payment any more: its money is stray."""
    async with till.parts.database.transaction() as session:
        await session.exec(
            update(Checkout).where(col(Checkout.id) == till.checkout).values(paid_attempt_id=None)
        )


async def strays(till: Till) -> list[str]:
    async with till.parts.database.transaction() as session:
        found = await attempts.stray_money(session, limit=1000)
    return [each.id for each in found if each.id == till.attempt]


@BOTH
async def test_from_the_first_hint_to_the_end(new_till: NewTill, account: str) -> None:
    """The checkout's run closed before; months pass, a webhook is lost, and look-ups still see the end."""
    async with new_till(account) as till:
        till.bank.dispute(till.attempt, OPEN)
        till.bank.look_up_faults = 1
        await look_at_disputes(till.parts, await till.paid())
        await till.world.skip(timedelta(minutes=1))
        [dispute] = await known(till)
        assert (dispute.status, dispute.amount, dispute.currency) == (OPEN, AMOUNT, "NGN")
        assert (dispute.reason, dispute.closed_at) == ("fraudulent", None)
        with pytest.raises(PaymentDisputed):
            await till.accept(100)
        await till.world.skip(timedelta(days=60))
        till.bank.dispute(till.attempt, LOST)
        await till.world.skip(timedelta(days=1))
        run = till.world.client.get_workflow_handle(f"dispute/{till.attempt}")
        await run.result()
        [dispute] = await known(till)
        assert dispute.status == LOST
        assert dispute.closed_at is not None
        with pytest.raises(PaymentDisputed):
            await till.accept(100)
        assert await till.world.alerts(dispute.id) == ["dispute.lost", "dispute.opened"]
        told = {
            kind: await till.world.told(till.checkout, f"dispute.{kind}")
            for kind in ("opened", "needs_response", "lost")
        }
        assert told == {"opened": 1, "needs_response": 1, "lost": 1}
        assert not till.given_back()


async def test_hints_in_any_order_and_number_come_to_the_same(new_till: NewTill) -> None:
    """The run is told of the end first, again and again, and by two at once."""
    async with new_till("card-a") as till:
        till.bank.dispute(till.attempt, WON)
        await asyncio.gather(*(look_at_disputes(till.parts, paid) for paid in [await till.paid()] * 5))
        await asyncio.gather(*(looked(till) for _ in range(5)))
        await look_at_disputes(till.parts, await till.paid())
        await till.world.skip(timedelta(minutes=1))
        [dispute] = await known(till)
        assert dispute.status == WON
        assert await till.world.told(till.checkout, "dispute.opened") == 1
        assert await till.world.told(till.checkout, "dispute.won") == 1
        assert (await till.refund(2_000)).status == "succeeded"


async def test_an_older_look_up_does_not_overwrite_a_newer_one(new_till: NewTill) -> None:
    async with new_till("card-a") as till:
        async with till.parts.database.transaction() as session:
            before = await disputes.clock(session)
        till.bank.dispute(till.attempt, LOST)
        await looked(till)
        [dispute] = await known(till)
        async with till.parts.database.transaction() as session:
            assert not await disputes.record(session, dispute.id, OPEN, before)
        assert (await known(till))[0].status == LOST


async def test_a_hint_without_a_dispute_ends(new_till: NewTill) -> None:
    async with new_till("card-a") as till:
        await look_at_disputes(till.parts, await till.paid())
        await till.world.skip(timedelta(minutes=2))
        await till.world.client.get_workflow_handle(f"dispute/{till.attempt}").result()
        assert not await known(till)


async def test_an_inquiry_leaves_refunds_possible(new_till: NewTill) -> None:
    async with new_till("card-a") as till:
        till.bank.dispute(till.attempt, DisputeStatus.INQUIRY)
        await looked(till)
        assert (await till.refund()).status == "succeeded"


async def test_a_scan_finds_what_no_webhook_told(new_till: NewTill) -> None:
    async with new_till("momo") as till:
        till.bank.dispute(till.attempt, WON)
        for _ in range(2):
            await scan_disputes(till.parts, "momo")
            for run in ("disputes/momo", f"dispute/{till.attempt}"):
                await till.world.client.get_workflow_handle(run).result()
        [dispute] = await known(till)
        assert dispute.status == WON
        assert await till.world.told(till.checkout, "dispute.opened") == 1


@BOTH
async def test_an_accepted_refund_is_not_sent_once_the_payment_is_disputed(
    new_till: NewTill, account: str
) -> None:
    async with new_till(account) as till:
        refund = (await till.accept(3_000)).refund
        till.bank.dispute(till.attempt, OPEN)
        await looked(till)
        await (await till.start(refund.id)).result()
        row = await till.row(refund.id)
        assert (row.status, row.failure_code, row.sends) == ("failed", "payment_disputed", 0)
        attempt = await till.paid()
        assert (attempt.amount_refunded, attempt.amount_reserved) == (0, 0)
        assert not till.given_back()


async def test_a_refund_that_may_have_left_is_looked_up_whatever_the_bank_says(new_till: NewTill) -> None:
    async with new_till("card-a") as till:
        till.bank.settle_script = [till.slow()]
        refund = (await till.accept(3_000)).refund
        refunding = Refunding(till.world.context)
        await refunding.carry_out(refund.id)
        till.bank.dispute(till.attempt, OPEN)
        await looked(till)
        assert (await refunding.carry_out(refund.id)).status == "pending"
        assert till.given_back() == [3_000]


@BOTH
async def test_stray_money_that_went_back_by_dispute_is_not_refunded_too(
    new_till: NewTill, account: str
) -> None:
    """I11: not sent while it is open; lost, it is over, with an alert; won after all, it goes back."""
    async with new_till(account) as till:
        await abandoned(till)
        compensating = Compensating(till.world.context, Refunding(till.world.context))
        till.bank.dispute(till.attempt, OPEN)
        await looked(till)
        assert (await compensating.compensate_attempt(task(till))).result == "pending"
        assert await strays(till) == [till.attempt]
        till.bank.dispute(till.attempt, LOST)
        await looked(till)
        assert (await compensating.compensate_attempt(task(till))).result == "disputed"
        assert not await strays(till)
        assert not till.given_back()
        assert "compensation.disputed" in await till.world.alerts(till.attempt)
        till.bank.dispute(till.attempt, WON)
        await looked(till)
        assert await strays(till) == [till.attempt]
        assert (await compensating.compensate_attempt(task(till))).result == "refunded"
        assert till.given_back() == [AMOUNT]
        attempt: Attempt = await till.paid()
        assert (attempt.status, attempt.amount_refunded, attempt.amount_reserved) == ("refunded", AMOUNT, 0)
