"""Late money on an attempt that was left behind goes back once, in full (I11)."""

import asyncio
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from temporalio.client import WorkflowExecutionStatus
from temporalio.testing import ActivityEnvironment, WorkflowEnvironment

from activities.compensating import Compensating
from activities.messages import CompensateAttempt
from activities.refunding import Refunding
from config.temporal import DATA_CONVERTER
from domain.decline import DeclineCategory
from domain.ids import attempt_id
from domain.outcome import PaymentStatus
from gateways.base import RefundStatus
from tests.workflow.conftest import NewWorld
from tests.workflow.plays import approve, decline, lost, never, not_sent
from tests.workflow.world import AMOUNT, World, world_on
from workflows.options import LOOKS_A_RUN

TEMPORAL = str(Path(sys.executable).with_name("temporal"))


async def left_behind(world: World, account: str) -> str:
    """A checkout that was paid at the second account, after the first one stayed silent."""
    world.banks[account].charge_script = [never(), never(), never()]
    checkout = await world.checkout()
    assert await world.run(checkout) == "succeeded"
    assert (await world.row(checkout)).account == "card-b"
    return checkout


async def given_back(world: World, checkout: str, account: str) -> None:
    effects = [(name, effect.kind, effect.amount) for name, effect in world.ledger(checkout)]
    assert sorted(effects) == sorted(
        [("card-b", "capture", AMOUNT), (account, "capture", AMOUNT), (account, "refund", AMOUNT)]
    )
    first, second = await world.attempts(checkout)
    assert (first.status, first.amount_captured, first.amount_refunded, first.amount_reserved) == (
        "refunded",
        AMOUNT,
        AMOUNT,
        0,
    )
    row = await world.row(checkout)
    assert (row.status, row.paid_attempt_id, row.amount_captured) == ("succeeded", second.id, AMOUNT)
    assert await world.alerts(first.id) == ["attempt.late_success"]


@pytest.mark.parametrize("account", ["card-a", "momo"])
@pytest.mark.parametrize("later", [timedelta(seconds=30), timedelta(days=3)])
async def test_a_late_success_is_refunded_once(new_world: NewWorld, account: str, later: timedelta) -> None:
    """G15, H6."""
    async with new_world(account, "card-b") as world:
        checkout = await left_behind(world, account)
        await world.skip(later)
        world.banks[account].appear(attempt_id(checkout, 1), AMOUNT, "NGN")
        assert await world.compensated(checkout) == "refunded"
        await given_back(world, checkout, account)


async def test_webhooks_and_a_poll_at_once_refund_once(module_database_url: str) -> None:
    """H3, I12. On the real server: of the time-skipping one a signal at the wrong moment can stop the run."""
    quick: dict[str, Any] = {"quiet_period": 0.2, "look_up_intervals": (0.1,), "watch_intervals": (0.05,)}
    async with (
        await WorkflowEnvironment.start_local(
            dev_server_existing_path=TEMPORAL, data_converter=DATA_CONVERTER
        ) as env,
        world_on(env.client, module_database_url, ("momo", "card-b"), **quick) as world,
    ):
        checkout = await left_behind(world, "momo")
        world.banks["momo"].appear(attempt_id(checkout, 1), AMOUNT, "NGN")
        watcher = world.watcher(checkout)
        await asyncio.gather(*(world.news(watcher, checkout) for _ in range(2)))
        assert (await watcher.result()).result == "refunded"
        await given_back(world, checkout, "momo")


@pytest.mark.parametrize("account", ["card-a", "momo"])
@pytest.mark.parametrize("fault", [lost(approve()), never(), not_sent()])
async def test_a_refund_whose_answer_is_lost_is_looked_up(
    new_world: NewWorld, account: str, fault: object
) -> None:
    """G17, W4."""
    async with new_world(account, "card-b", quiet_period=0.2, watch_intervals=(0.1, 0.1, 60)) as world:
        checkout = await left_behind(world, account)
        world.banks[account].appear(attempt_id(checkout, 1), AMOUNT, "NGN")
        world.banks[account].settle_script = [fault]  # type: ignore[list-item]  # a Play
        assert await world.compensated(checkout) == "refunded"
        await given_back(world, checkout, account)


async def test_a_second_payment_under_the_reference_is_told_at_once(new_world: NewWorld) -> None:
    """A page open in two tabs: one payment goes back by itself, and a person knows of the other."""
    async with new_world("momo", "card-b") as world:
        checkout = await left_behind(world, "momo")
        reference = attempt_id(checkout, 1)
        for _ in range(2):
            world.banks["momo"].appear(reference, AMOUNT, "NGN")
        assert await world.compensated(checkout) == "refunded"
        assert await world.alerts(reference) == ["attempt.late_success", "compensation.several"]
        assert [effect.amount for _, effect in world.ledger(checkout, "refund")] == [AMOUNT]


async def test_a_late_authorization_is_released(new_world: NewWorld) -> None:
    async with new_world("card-a", "card-b") as world:
        world.banks["card-a"].charge_script = [never(), never(), never()]
        checkout = await world.checkout(capture_method="manual")
        handle = await world.start(checkout)
        await world.skip(timedelta(minutes=20))
        world.banks["card-a"].authorize(attempt_id(checkout, 1), AMOUNT, "NGN")
        assert await world.compensated(checkout) == "voided"
        assert [(name, effect.kind) for name, effect in world.ledger(checkout)] == [
            ("card-a", "authorize"),
            ("card-a", "void"),
            ("card-b", "authorize"),
        ]
        await world.lose(handle)


async def test_a_late_authorization_that_somebody_captures_is_refunded_once(new_world: NewWorld) -> None:
    """G16: the gateway refuses the void, because the payment is settled."""
    async with new_world("card-a", "card-b") as world:
        checkout = await left_behind(world, "card-a")
        bank, reference = world.banks["card-a"], attempt_id(checkout, 1)
        bank.authorize(reference, AMOUNT, "NGN")
        refusals = [decline(DeclineCategory.HARD)] * 50
        bank.settle_script = list(refusals)
        await world.skip(timedelta(hours=2))
        assert len(bank.settle_script) < len(refusals)
        bank.settle_script.clear()
        bank.settle(reference, PaymentStatus.CAPTURED)
        assert await world.compensated(checkout) == "refunded"
        assert [(name, effect.kind) for name, effect in world.ledger(checkout) if name == "card-a"] == [
            ("card-a", "authorize"),
            ("card-a", "capture"),
            ("card-a", "refund"),
        ]


async def test_money_that_was_adopted_is_not_given_back(new_world: NewWorld) -> None:
    """A success found in time is the checkout's, whoever watches."""
    async with new_world("momo", watch_for=3600) as world:
        world.banks["momo"].charge_script = [lost(approve())]
        checkout = await world.checkout()
        assert await world.run(checkout) == "succeeded"
        watch = await world.watch(checkout, account="momo")
        assert (await watch.result()).result == "adopted"
        assert [effect.kind for _, effect in world.ledger(checkout)] == ["capture"]


async def test_a_watch_without_money_ends(new_world: NewWorld) -> None:
    async with new_world("momo", "card-b") as world:
        checkout = await left_behind(world, "momo")
        watcher = world.watcher(checkout)
        assert await world.compensated(checkout) == "nothing"
        assert (await watcher.describe()).status is WorkflowExecutionStatus.COMPLETED


async def test_a_refund_that_stays_pending_for_months_is_alerted_and_watched(new_world: NewWorld) -> None:
    """I11, T5: rarely, in histories of bounded length, until the gateway decides."""
    async with new_world("card-a", "card-b") as world:
        checkout = await left_behind(world, "card-a")
        bank, reference = world.banks["card-a"], attempt_id(checkout, 1)
        bank.refund_status = RefundStatus.PENDING
        bank.appear(reference, AMOUNT, "NGN")
        await world.skip(timedelta(days=5))
        assert await world.alerts(reference) == ["attempt.late_success"]
        for _ in range(4):  # in one step the server's answer would take too long
            await world.skip(timedelta(days=15))
        assert await world.alerts(reference) == ["attempt.late_success", "compensation.overdue"]
        description = await world.watcher(checkout).describe()
        assert description.status is WorkflowExecutionStatus.RUNNING
        first = description.raw_description.workflow_execution_info.first_run_id
        assert description.run_id != first
        assert description.history_length < 12 * LOOKS_A_RUN
        before = bank.look_ups
        await world.skip(timedelta(days=10))
        assert 5 <= bank.look_ups - before <= 15
        bank.decide_refunds(reference, RefundStatus.SUCCEEDED)
        assert await world.compensated(checkout) == "refunded"
        assert len(world.ledger(checkout, "refund")) == 1


async def test_late_money_at_a_gateway_that_does_not_answer_is_alerted(new_world: NewWorld) -> None:
    """Whether it is back is unclear: a person knows within hours, not after the watch."""
    async with new_world("momo", "card-b") as world:
        checkout = await left_behind(world, "momo")
        world.banks["momo"].look_up_faults = 1_000
        await world.skip(timedelta(days=2))
        assert await world.alerts(attempt_id(checkout, 1)) == ["compensation.overdue"]
        world.banks["momo"].look_up_faults = 0
        assert await world.compensated(checkout) == "nothing"


@pytest.mark.parametrize("account", ["card-a", "momo"])
async def test_webhooks_and_a_poll_after_three_days_refund_once(new_world: NewWorld, account: str) -> None:
    """G15, H3, H6: whoever looks first, and another watcher beside them."""
    async with new_world(account, "card-b") as world:
        checkout = await left_behind(world, account)
        await world.skip(timedelta(days=3))
        world.banks[account].appear(attempt_id(checkout, 1), AMOUNT, "NGN")
        watcher = world.watcher(checkout)
        compensating = Compensating(world.context, Refunding(world.context))
        poll = CompensateAttempt(checkout_id=checkout, attempt_id=attempt_id(checkout, 1), account=account)
        await asyncio.gather(
            world.news(watcher, checkout),
            world.news(watcher, checkout),
            ActivityEnvironment().run(compensating.compensate_attempt, poll),
        )
        assert await world.compensated(checkout) == "refunded"
        await given_back(world, checkout, account)
