"""Frozen captures, refunds and compensation: nothing is sent, everything sent is settled, nothing is lost."""

import asyncio
import dataclasses
from datetime import timedelta

import pytest
from temporalio.client import WorkflowExecutionStatus
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.capturing import Capturing
from activities.messages import CHARGES_FROZEN, CaptureAttempt, Kind
from api.errors import RefundsFrozen
from domain.ids import attempt_id
from domain.outcome import PaymentStatus
from domain.switches import EVERYTHING, Switch
from tests.operators.freezing import Hand
from tests.patience import PATIENCE
from tests.refunds.conftest import NewTill
from tests.workflow.conftest import NewWorld
from tests.workflow.plays import approve, lost, never, not_sent, then
from tests.workflow.world import AMOUNT, World
from workflows.checkout import Checkout
from workflows.messages import CancelCheckout, CaptureCheckout

pytestmark = pytest.mark.usefixtures("switches_off")

ACCOUNTS = pytest.mark.parametrize("account", ["card-a", "momo"])
WHERE = pytest.mark.parametrize("everywhere", [True, False], ids=["everything", "account"])


def place(account: str, everywhere: bool) -> str:
    return EVERYTHING if everywhere else account


async def kinds(world: World, checkout: str) -> list[str]:
    return [effect.kind for _, effect in world.ledger(checkout)]


@WHERE
async def test_a_capture_is_refused_while_frozen_and_a_cancel_is_not(
    new_world: NewWorld, everywhere: bool
) -> None:
    async with new_world("card-a") as world:
        hand, where = Hand(world.database), place("card-a", everywhere)
        captured, canceled = [await world.checkout(capture_method="manual") for _ in range(2)]
        handles = [await world.start(checkout) for checkout in (captured, canceled)]
        for checkout in (captured, canceled):
            await world.until(checkout, "requires_capture")
        await hand.freeze(Switch.CHARGES, where)
        refused = await handles[0].execute_update(Checkout.capture, CaptureCheckout())
        assert (refused.done, refused.detail) == (False, CHARGES_FROZEN)
        assert await world.told(captured, "capture.frozen") == 1
        released = await handles[1].execute_update(Checkout.cancel, CancelCheckout())
        assert (released.status, await kinds(world, canceled)) == ("canceled", ["authorize", "void"])
        await hand.thaw(Switch.CHARGES, where)
        assert await kinds(world, captured) == ["authorize"]
        assert (await handles[0].execute_update(Checkout.capture, CaptureCheckout())).done
        assert await kinds(world, captured) == ["authorize", "capture"]


async def test_a_capture_that_may_have_been_sent_is_found_out_while_frozen(new_world: NewWorld) -> None:
    async with new_world("card-a") as world:
        checkout = await world.checkout(capture_method="manual")
        await world.start(checkout)
        await world.until(checkout, "requires_capture")
        await Hand(world.database).freeze(Switch.CHARGES)
        task = CaptureAttempt(
            checkout_id=checkout, attempt_id=attempt_id(checkout, 1), account="card-a", amount=AMOUNT
        )
        second_try = ActivityEnvironment()
        second_try.info = dataclasses.replace(second_try.info, attempt=2)
        capture = Capturing(world.context).capture_attempt
        with pytest.raises(ApplicationError, match=CHARGES_FROZEN):
            await second_try.run(capture, task)
        assert await kinds(world, checkout) == ["authorize"]
        world.banks["card-a"].settle(attempt_id(checkout, 1), PaymentStatus.CAPTURED)
        assert (await second_try.run(capture, task)).kind is Kind.APPROVED
        assert (await world.row(checkout)).status == "succeeded"


@ACCOUNTS
@WHERE
async def test_new_refunds_are_refused_and_accepted_ones_wait(
    new_till: NewTill, account: str, everywhere: bool
) -> None:
    async with new_till(account) as till:
        hand, where = Hand(till.world.database), place(account, everywhere)
        accepted = await till.accept(2_000, "before")
        await hand.freeze(Switch.REFUNDS, where)
        with pytest.raises(RefundsFrozen):
            await till.accept(1_000, "after")
        assert not (await till.accept(2_000, "before")).new
        run = await till.start(accepted.refund.id)
        await till.world.skip(timedelta(hours=3))
        assert (await till.row(accepted.refund.id)).sends == 0
        assert till.given_back() == []
        await hand.thaw(Switch.REFUNDS, where)
        await till.world.skip(timedelta(minutes=6))
        assert till.given_back() == [2_000]
        await run.result()
        assert (await till.row(accepted.refund.id)).status == "succeeded"


@ACCOUNTS
async def test_a_refund_that_was_sent_is_settled_while_frozen(new_till: NewTill, account: str) -> None:
    async with new_till(account) as till:

        async def freeze() -> None:
            await Hand(till.world.database).freeze(Switch.REFUNDS)

        till.bank.settle_script = [then(lost(approve()), freeze)]
        assert (await till.refund(2_000)).status == "succeeded"
        assert till.given_back() == [2_000]


@ACCOUNTS
async def test_a_refund_is_not_sent_again_while_frozen(new_till: NewTill, account: str) -> None:
    async with new_till(account, quiet_period=0.05) as till:
        till.bank.settle_script = [never()]
        accepted = await till.accept(2_000)
        await till.start(accepted.refund.id)
        async with asyncio.timeout(PATIENCE):
            while till.bank.settle_script:  # noqa: ASYNC110 - the worker takes from it
                await asyncio.sleep(0.01)
        await Hand(till.world.database).freeze(Switch.REFUNDS, account)
        await till.world.skip(timedelta(hours=3))
        assert (await till.row(accepted.refund.id)).sends == 1
        await Hand(till.world.database).thaw(Switch.REFUNDS, account)
        await till.world.skip(timedelta(days=1))
        assert till.given_back() == [2_000]


@ACCOUNTS
async def test_refunds_go_on_while_compensation_is_frozen(new_till: NewTill, account: str) -> None:
    async with new_till(account) as till:
        await Hand(till.world.database).freeze(Switch.COMPENSATION)
        assert (await till.refund(2_000)).status == "succeeded"


async def left_behind(world: World, account: str, **changes: str) -> str:
    """A checkout that went on to the second account, after the first one stayed silent."""
    world.banks[account].charge_script = [never(), never(), never()]
    checkout = await world.checkout(**changes)
    await world.start(checkout)
    await world.skip(timedelta(minutes=20))
    assert (await world.row(checkout)).account == "card-b"
    return checkout


@ACCOUNTS
@WHERE
async def test_late_money_is_kept_in_sight_and_goes_back_after_the_thaw(
    new_world: NewWorld, account: str, everywhere: bool
) -> None:
    async with new_world(account, "card-b", watch_for=4 * 3_600) as world:
        hand, where = Hand(world.database), place(account, everywhere)
        checkout = await left_behind(world, account)
        await hand.freeze(Switch.COMPENSATION, where)
        world.banks[account].appear(attempt_id(checkout, 1), AMOUNT, "NGN")
        await world.skip(timedelta(hours=9))
        assert "refund" not in await kinds(world, checkout)
        assert await world.refunds(checkout) == []
        assert await world.alerts(attempt_id(checkout, 1)) == ["attempt.late_success"]
        described = await world.watcher(checkout).describe()
        assert described.status is WorkflowExecutionStatus.RUNNING
        await hand.thaw(Switch.COMPENSATION, where)
        assert await world.compensated(checkout) == "refunded"
        assert (await kinds(world, checkout)).count("refund") == 1


async def test_a_late_authorization_is_held_while_frozen(new_world: NewWorld) -> None:
    async with new_world("card-a", "card-b") as world:
        checkout = await left_behind(world, "card-a", capture_method="manual")
        await Hand(world.database).freeze(Switch.COMPENSATION)
        world.banks["card-a"].authorize(attempt_id(checkout, 1), AMOUNT, "NGN")
        await world.skip(timedelta(hours=8))
        assert "void" not in await kinds(world, checkout)
        await Hand(world.database).thaw(Switch.COMPENSATION)
        assert await world.compensated(checkout) == "voided"
        assert (await kinds(world, checkout)).count("void") == 1


async def noted(world: World, checkout: str) -> bool:
    return any(refund.detail is not None for refund in await world.refunds(checkout))


async def test_a_compensation_that_did_not_leave_waits_for_the_thaw(new_world: NewWorld) -> None:
    """Reserved and claimed, the gateway not reached, then frozen."""
    async with new_world("momo", "card-b") as world:
        checkout = await left_behind(world, "momo")
        world.banks["momo"].settle_script = [not_sent()]
        world.banks["momo"].appear(attempt_id(checkout, 1), AMOUNT, "NGN")
        await world.news(world.watcher(checkout), checkout)
        async with asyncio.timeout(PATIENCE):
            while not await noted(world, checkout):  # noqa: ASYNC110 - the worker writes it
                await asyncio.sleep(0.01)
        await Hand(world.database).freeze(Switch.COMPENSATION, "momo")
        await world.skip(timedelta(hours=3))
        assert "refund" not in await kinds(world, checkout)
        await Hand(world.database).thaw(Switch.COMPENSATION, "momo")
        assert await world.compensated(checkout) == "refunded"
