"""A refund that the gateway called succeeded, and that failed after: everything is put right, once (I12)."""

import asyncio
from datetime import timedelta

import pytest

from activities.compensating import Compensating
from activities.messages import CompensateAttempt
from activities.refund_checking import RefundChecking
from activities.refunding import MAX_REOPENED, Refunding
from api.errors import RefundExceedsCaptured
from api.refund_requests import Accepted
from api.refund_runs import check_refunds
from gateways.base import RefundStatus
from storage import notifications
from tests.refunds.conftest import NewTill
from tests.refunds.test_disputes import abandoned, strays
from tests.refunds.till import Till
from tests.workflow.world import AMOUNT

pytestmark = pytest.mark.long

BOTH = pytest.mark.parametrize("account", ["card-a", "momo"])


def task(till: Till) -> CompensateAttempt:
    return CompensateAttempt(checkout_id=till.checkout, attempt_id=till.attempt, account=till.account)


def come_back(till: Till) -> None:
    """The gateway takes every refund of the payment back: it has the money again."""
    back = sum(each.amount for each in till.listed() if each.status is not RefundStatus.FAILED)
    till.decide(RefundStatus.FAILED)
    [payment] = till.bank.payments.values()
    left = payment.amount_refunded - back
    till.bank.payments[payment.payment_id] = payment.model_copy(update={"amount_refunded": left})


async def told(till: Till) -> list[tuple[str, str, int]]:
    async with till.parts.database.transaction() as session:
        rows = await notifications.of_checkout(session, till.checkout)
    refunds = [row for row in rows if row.type.startswith("refund.")]
    assert [row.sequence for row in rows] == list(range(1, len(rows) + 1))
    return [(row.type, row.data["refund"]["status"], row.data["amount_refunded"]) for row in refunds]


@BOTH
async def test_a_success_that_is_taken_back(new_till: NewTill, account: str) -> None:
    async with new_till(account, notification_url="https://shop.example/hooks") as till:
        refund = await till.refund()
        assert (await till.paid()).status == "refunded"
        come_back(till)
        await check_refunds(till.parts, await till.paid())
        await check_refunds(till.parts, await till.paid())
        await till.world.client.get_workflow_handle(f"refund-check/{till.attempt}").result()
        row = await till.row(refund.id)
        assert (row.status, row.failure_code, row.sends) == ("failed", "failed_at_gateway", 1)
        attempt, checkout = await till.paid(), await till.world.row(till.checkout)
        assert (attempt.status, attempt.amount_refunded, attempt.amount_reserved) == ("captured", 0, 0)
        assert (checkout.status, checkout.amount_refunded) == ("succeeded", 0)
        assert await till.world.alerts(refund.id) == ["refund.failed"]
        assert await told(till) == [
            ("refund.succeeded", "succeeded", AMOUNT),
            ("refund.failed", "failed", 0),
        ]
        assert (await till.refund(None, "again")).status == "succeeded"
        assert (await till.paid()).amount_refunded == AMOUNT


async def test_a_hint_that_overtakes_the_success_is_not_forgotten(new_till: NewTill) -> None:
    """The gateway has failed the refund while its run is about to write the success."""
    async with new_till("card-a") as till:
        refund = (await till.accept()).refund
        refunding, checking = Refunding(till.world.context), RefundChecking(till.world.context)
        till.bank.settle_script = [till.slow()]
        await refunding.carry_out(refund.id)
        till.decide(RefundStatus.FAILED)
        assert not (await checking.check_refunds(task(till))).done
        till.decide(RefundStatus.SUCCEEDED)
        assert (await refunding.carry_out(refund.id)).status == "succeeded"
        come_back(till)
        checked = await checking.check_refunds(task(till))
        assert (checked.done, checked.taken_back) == (True, 1)
        assert (await checking.check_refunds(task(till))).taken_back == 0


async def test_the_bound_holds_while_a_success_is_taken_back(new_till: NewTill) -> None:
    """I12: what comes back is free once, however many take it back and ask for it at the same time."""
    async with new_till("card-a") as till:
        await till.refund()
        come_back(till)
        checking = RefundChecking(till.world.context)

        async def ask(number: int) -> Accepted | None:
            try:
                return await till.accept(1_000, f"more-{number}")
            except RefundExceedsCaptured:
                return None

        await asyncio.gather(*(checking.check_refunds(task(till)) for _ in range(5)), *map(ask, range(20)))
        attempt = await till.paid()
        assert attempt.amount_refunded == 0
        assert attempt.amount_reserved <= AMOUNT
        accepted = [each for each in await asyncio.gather(*(ask(100 + n) for n in range(20))) if each]
        assert (await till.paid()).amount_reserved == 12_000
        runs = await asyncio.gather(*(till.start(each.refund.id) for each in accepted))
        await asyncio.gather(*(run.result() for run in runs))
        assert all(each.amount == 1_000 for each in till.listed() if each.status is RefundStatus.SUCCEEDED)


@BOTH
async def test_a_compensation_that_failed_is_begun_anew_under_another_key(
    new_till: NewTill, account: str
) -> None:
    """Only once a look-up has said that it failed; what succeeded first is open again the same way."""
    async with new_till(account) as till:
        await abandoned(till)
        compensating = Compensating(till.world.context, Refunding(till.world.context))
        assert (await compensating.compensate_attempt(task(till))).result == "refunded"
        come_back(till)
        assert (await RefundChecking(till.world.context).check_refunds(task(till))).taken_back == 1
        attempt = await till.paid()
        assert (attempt.status, attempt.amount_refunded, attempt.amount_reserved) == ("captured", 0, AMOUNT)
        assert await strays(till) == [till.attempt]
        assert (await compensating.compensate_attempt(task(till))).result == "refunded"
        first, second = till.listed()
        assert (first.status, second.status) == (RefundStatus.FAILED, RefundStatus.SUCCEEDED)
        assert second.refund_id == f"{first.refund_id}_1"
        assert "compensation.refused" in await till.world.alerts(till.attempt)
        assert (await till.paid()).amount_refunded == AMOUNT


async def test_a_compensation_that_fails_for_ever_is_left_to_a_person(new_till: NewTill) -> None:
    async with new_till("card-a") as till:
        await abandoned(till)
        compensating = Compensating(till.world.context, Refunding(till.world.context))
        for _ in range(4 * MAX_REOPENED + 8):
            till.bank.settle_script = [till.slow()]
            assert (await compensating.compensate_attempt(task(till))).result == "pending"
            if till.listed():
                come_back(till)
        assert len(till.listed()) == MAX_REOPENED + 1
        assert (await till.paid()).amount_reserved == AMOUNT


@BOTH
async def test_more_was_refunded_at_the_dashboard_than_we_know(new_till: NewTill, account: str) -> None:
    """The gateway's own bound holds, and says why."""
    async with new_till(account) as till:
        [payment] = till.bank.payments.values()
        till.bank.payments[payment.payment_id] = payment.model_copy(update={"amount_refunded": AMOUNT})
        refund = await till.refund(1)
        assert (refund.status, refund.failure_code) == ("failed", "already_refunded")
        attempt = await till.paid()
        assert (attempt.amount_refunded, attempt.amount_reserved) == (0, 0)


@BOTH
async def test_months_pass_and_the_run_continues_as_new(new_till: NewTill, account: str) -> None:
    async with new_till(account, quiet_period=0) as till:
        till.bank.settle_script = [till.slow()]
        refund = (await till.accept()).refund
        run = await till.start(refund.id)
        first = (await run.describe()).run_id
        await till.world.skip(timedelta(days=90))
        newest = await run.describe()
        assert newest.run_id != first
        assert newest.history_length < 2_000
        assert await till.world.alerts(refund.id) == ["refund.overdue"]
        till.decide(RefundStatus.SUCCEEDED)
        await till.world.skip(timedelta(hours=7))
        row = await till.row(refund.id)
        assert (row.status, row.sends) == ("succeeded", 1)
        assert till.given_back() == [AMOUNT]
