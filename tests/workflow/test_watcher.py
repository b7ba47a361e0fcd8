"""Late money on an attempt that was left behind goes back once, in full (I11)."""

import asyncio
from datetime import timedelta

import pytest
from temporalio.client import WorkflowExecutionStatus

from domain.decline import DeclineCategory
from domain.ids import attempt_id
from domain.outcome import PaymentStatus
from tests.workflow.bank import approve, decline, lost, never, not_sent
from tests.workflow.conftest import NewWorld
from tests.workflow.world import AMOUNT, World


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


async def test_webhooks_and_a_poll_at_once_refund_once(new_world: NewWorld) -> None:
    """H3, I12."""
    async with new_world("momo", "card-b", watch_intervals=(0.05,)) as world:
        checkout = await left_behind(world, "momo")
        world.banks["momo"].appear(attempt_id(checkout, 1), AMOUNT, "NGN")
        watcher = world.watcher(checkout)
        await asyncio.gather(*(world.news(watcher, checkout) for _ in range(2)))
        assert await world.compensated(checkout) == "refunded"
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
        await handle.terminate()


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
        assert (await watch.result()).result == "nothing"
        assert [effect.kind for _, effect in world.ledger(checkout)] == ["capture"]


async def test_a_watch_without_money_ends(new_world: NewWorld) -> None:
    async with new_world("momo", "card-b") as world:
        checkout = await left_behind(world, "momo")
        watcher = world.watcher(checkout)
        assert await world.compensated(checkout) == "nothing"
        assert (await watcher.describe()).status is WorkflowExecutionStatus.COMPLETED
