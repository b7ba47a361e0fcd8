"""Sent once, looked up instead of repeated, settled or released: with the gateway's keys and without."""

import asyncio
from datetime import timedelta

import pytest
from sqlmodel import col, update

from activities.compensating import Compensating
from activities.messages import CompensateAttempt, Compensated
from activities.refunding import Refunding
from domain.outcome import NotSentCause
from gateways.base import RefundStatus
from storage import refunds
from storage.tables import Checkout
from tests.refunds.conftest import NewTill
from tests.refunds.till import A_DAY
from tests.workflow.plays import Play, approve, lost, never, not_sent, then
from tests.workflow.world import AMOUNT

BOTH = pytest.mark.parametrize("account", ["card-a", "momo"])
SOON = 0.3
"""Seconds of a quiet period that a test waits out."""


@BOTH
async def test_a_full_refund(new_till: NewTill, account: str) -> None:
    async with new_till(account) as till:
        refund = await till.refund()
        assert (refund.status, refund.amount, refund.sends) == ("succeeded", AMOUNT, 1)
        attempt, checkout = await till.paid(), await till.world.row(till.checkout)
        assert (attempt.status, attempt.amount_refunded, attempt.amount_reserved) == ("refunded", AMOUNT, 0)
        assert (checkout.status, checkout.amount_refunded) == ("succeeded", AMOUNT)
        assert till.given_back() == [AMOUNT]
        assert await till.world.told(till.checkout, "refund.succeeded") == 1


@BOTH
async def test_partial_refunds_add_up(new_till: NewTill, account: str) -> None:
    async with new_till(account) as till:
        await till.refund(5_000, "one")
        assert (await till.paid()).status == "captured"
        await till.refund(None, "two")
        assert (await till.paid()).status == "refunded"
        assert till.given_back() == [5_000, AMOUNT - 5_000]


@BOTH
async def test_a_refund_whose_answer_is_lost_is_found(new_till: NewTill, account: str) -> None:
    """G17: the gateway acted, nobody heard of it."""
    async with new_till(account) as till:
        till.bank.settle_script = [lost(approve())]
        refund = await till.refund(2_000)
        assert (refund.status, refund.sends) == ("succeeded", 1)
        assert till.given_back() == [2_000]


@BOTH
async def test_a_refund_that_never_arrived_is_sent_again(new_till: NewTill, account: str) -> None:
    """G17: at once under its key; without keys only after the quiet period."""
    async with new_till(account, quiet_period=SOON) as till:
        till.bank.settle_script = [never()]
        refund = await till.refund(2_000)
        assert (refund.status, refund.sends) == ("succeeded", 2)
        assert till.given_back() == [2_000]
        assert await till.world.told(till.checkout, "refund.sent_again") == 1


async def test_without_keys_nothing_is_sent_again_before_the_quiet_period(new_till: NewTill) -> None:
    async with new_till("momo") as till:
        till.bank.settle_script = [never()]
        accepted = await till.accept(2_000)
        await till.start(accepted.refund.id)
        await till.world.skip(timedelta(hours=7))
        refund = await till.row(accepted.refund.id)
        assert (refund.status, refund.sends) == ("pending", 1)
        assert not till.given_back()
        assert await till.world.alerts(refund.id) == ["refund.overdue"]


async def test_a_forgotten_key_protects_no_more(new_till: NewTill) -> None:
    """After the life of the key a repeat waits for the quiet period, as without keys."""
    async with new_till("card-a") as till:
        refund = (await till.accept(2_000)).refund
        refunding = Refunding(till.world.context)
        till.bank.settle_script = [never()]
        await refunding.carry_out(refund.id)
        sent = await till.row(refund.id)
        assert sent.sent_at is not None
        await till.set_refund(refund.id, sent_at=sent.sent_at - A_DAY)
        report = await refunding.carry_out(refund.id)
        assert report.detail == "not found; it may still arrive"
        await till.set_refund(refund.id, last_sent_at=sent.sent_at - A_DAY)
        assert (await refunding.carry_out(refund.id)).status == "succeeded"
        renewed = (await till.row(refund.id)).sent_at
        assert renewed is not None
        assert renewed >= sent.sent_at
        assert till.given_back() == [2_000]


@BOTH
async def test_killed_between_the_claim_and_the_call(new_till: NewTill, account: str) -> None:
    """W1, W4."""
    async with new_till(account, quiet_period=SOON) as till:
        refund = (await till.accept()).refund
        async with till.parts.database.transaction() as session:
            assert await refunds.claim_send(session, refund.id) == 1
        await (await till.start(refund.id)).result()
        assert (await till.row(refund.id)).status == "succeeded"
        assert till.given_back() == [AMOUNT]


@BOTH
async def test_killed_between_the_effect_and_the_record(new_till: NewTill, account: str) -> None:
    """W2, W3, W4."""

    async def die() -> None:
        raise ConnectionResetError

    async with new_till(account) as till:
        till.bank.settle_script = [then(Play(), die)]
        refund = await till.refund()
        assert (refund.status, refund.sends) == ("succeeded", 1)
        assert till.given_back() == [AMOUNT]


@BOTH
async def test_two_workers_with_the_same_refund(new_till: NewTill, account: str) -> None:
    """W5."""
    async with new_till(account) as till:
        refund = (await till.accept()).refund
        refunding = Refunding(till.world.context)
        await asyncio.gather(*(refunding.carry_out(refund.id) for _ in range(5)))
        await (await till.start(refund.id)).result()
        assert till.given_back() == [AMOUNT]
        assert (await till.paid()).amount_refunded == AMOUNT


@BOTH
@pytest.mark.parametrize("cause", [NotSentCause.UNREACHABLE, NotSentCause.UNAUTHORIZED])
async def test_what_did_not_leave_is_sent_as_if_first(
    new_till: NewTill, account: str, cause: NotSentCause
) -> None:
    async with new_till(account) as till:
        till.bank.settle_script = [not_sent(cause)]
        assert (await till.refund()).status == "succeeded"
        assert till.given_back() == [AMOUNT]
        alerts = await till.world.alerts(account)
        assert ("account.unauthorized" in alerts) is (cause is NotSentCause.UNAUTHORIZED)


@BOTH
async def test_a_refused_refund_fails_and_frees_its_money(new_till: NewTill, account: str) -> None:
    """The merchant has refunded most of it at the gateway's own dashboard."""
    async with new_till(account) as till:
        [payment] = till.bank.payments.values()
        till.bank.payments[payment.payment_id] = payment.model_copy(update={"amount_refunded": AMOUNT - 100})
        refund = await till.refund(5_000, "one")
        assert (refund.status, refund.failure_code) == ("failed", "already_refunded")
        attempt = await till.paid()
        assert (attempt.status, attempt.amount_refunded, attempt.amount_reserved) == ("captured", 0, 0)
        assert (await till.world.row(till.checkout)).amount_refunded == 0
        assert await till.world.alerts(refund.id) == ["refund.failed"]
        assert await till.world.told(till.checkout, "refund.failed") == 1
        assert (await till.refund(100, "two")).status == "succeeded"


@BOTH
@pytest.mark.parametrize("end", [RefundStatus.SUCCEEDED, RefundStatus.FAILED])
async def test_pending_for_days_is_polled_and_never_sent_again(
    new_till: NewTill, account: str, end: RefundStatus
) -> None:
    async with new_till(account, quiet_period=0) as till:
        till.bank.settle_script = [till.slow()]
        accepted = await till.accept(3_000)
        await till.start(accepted.refund.id)
        await till.world.skip(timedelta(days=4))
        waiting = await till.row(accepted.refund.id)
        assert (waiting.status, waiting.sends) == ("pending", 1)
        assert waiting.gateway_refund_id == till.listed()[0].gateway_refund_id
        assert not await till.world.alerts(waiting.id)
        await till.world.skip(timedelta(days=20))
        assert await till.world.alerts(waiting.id) == ["refund.overdue"]
        till.decide(end)
        await till.world.skip(timedelta(hours=7))
        refund = await till.row(waiting.id)
        assert (refund.status, refund.sends) == (end, 1)
        assert (await till.paid()).amount_refunded == (3_000 if end is RefundStatus.SUCCEEDED else 0)
        assert (await till.paid()).amount_reserved == 0


async def test_without_keys_one_unclear_refund_keeps_the_others_waiting(new_till: NewTill) -> None:
    async with new_till("momo") as till:
        till.bank.settle_script = [lost(approve())]
        first, second = await till.accept(1_000, "one"), await till.accept(2_000, "two")
        refunding = Refunding(till.world.context)
        await refunding.carry_out(first.refund.id)
        report = await refunding.carry_out(second.refund.id)
        assert (report.status, report.detail) == ("pending", "waits for another refund of the payment")
        assert till.given_back() == [1_000]
        await refunding.carry_out(first.refund.id)
        assert (await refunding.carry_out(second.refund.id)).status == "succeeded"
        assert till.given_back() == [1_000, 2_000]


@BOTH
async def test_merchants_and_compensation_share_one_reservation(new_till: NewTill, account: str) -> None:
    """I11, I12: eight refunds are accepted; then nobody counts the payment and it is compensated as well."""
    async with new_till(account) as till:
        accepted = [await till.accept(1_000, f"key-{number}") for number in range(8)]
        async with till.parts.database.transaction() as session:
            await session.exec(
                update(Checkout).where(col(Checkout.id) == till.checkout).values(paid_attempt_id=None)
            )
        context = till.world.context
        compensating = Compensating(context, Refunding(context))
        task = CompensateAttempt(checkout_id=till.checkout, attempt_id=till.attempt, account=account)
        runs = await asyncio.gather(*(till.start(each.refund.id) for each in accepted))
        compensated: list[Compensated] = await asyncio.gather(
            *(compensating.compensate_attempt(task) for _ in range(12))
        )
        # Without keys one waits for another: longer than the test server lets anybody wait for a result.
        await till.world.skip(timedelta(hours=1))
        for run in runs:
            await run.result()
        assert {each.result for each in compensated} <= {"refunded", "pending"}
        assert (await compensating.compensate_attempt(task)).result == "refunded"
        assert sorted(till.given_back()) == [1_000] * 8 + [AMOUNT - 8_000]
        attempt = await till.paid()
        assert (attempt.status, attempt.amount_refunded, attempt.amount_reserved) == ("refunded", AMOUNT, 0)
