"""Unknown, to the end: what became of an unclear attempt is found out, however late, without surprises."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from temporalio.client import WorkflowHandle

from domain.decline import Decline, DeclineCategory, DeclineCode
from domain.ids import attempt_id
from domain.outcome import PaymentStatus
from storage import attempts
from tests.patience import PATIENCE
from tests.workflow.conftest import NewWorld
from tests.workflow.plays import Play, approve, decline, lost, never, not_sent, pending, wrong_amount
from tests.workflow.world import AMOUNT, World
from workflows.checkout import Checkout
from workflows.messages import CancelCheckout

DEADLINE = timedelta(minutes=6)
BOTH = pytest.mark.parametrize("account", ["card-a", "momo"])
INSUFFICIENT = Decline(
    category=DeclineCategory.SOFT, code=DeclineCode.INSUFFICIENT_FUNDS, message="not enough"
)


async def silent_until_review(world: World, account: str) -> tuple[str, WorkflowHandle[Any, Any]]:
    """A checkout whose gateway took the request, or not, and has answered nothing since."""
    bank = world.banks[account]
    bank.charge_script = [never(), never(), never()]
    bank.look_up_faults = 100_000
    checkout = await world.checkout()
    handle = await world.start(checkout)
    await world.skip(timedelta(minutes=45))
    assert (await world.row(checkout)).status == "in_review"
    bank.look_up_faults = 0
    return checkout, handle


@BOTH
async def test_a_review_ends_when_the_gateway_has_nothing(new_world: NewWorld, account: str) -> None:
    """I10, I15: two look-ups agree long after the quiet period; hours later no other account is asked."""
    async with new_world(account, "card-b") as world:
        checkout, handle = await silent_until_review(world, account)
        sent, looks = len(world.banks[account].charges), world.banks[account].look_ups
        await world.news(handle, checkout)
        assert (await handle.result()).status == "failed"
        assert await world.statuses(checkout) == [f"{account} not_found"]
        assert world.banks[account].look_ups >= looks + 2
        assert len(world.banks[account].charges) == sent
        assert not world.banks["card-b"].charges


async def test_a_review_that_ended_so_gives_late_money_back(new_world: NewWorld) -> None:
    """I13."""
    async with new_world("momo", "card-b") as world:
        checkout, handle = await silent_until_review(world, "momo")
        assert (await handle.result()).status == "failed"
        world.banks["momo"].appear(attempt_id(checkout, 1), AMOUNT, "NGN")
        assert await world.compensated(checkout) == "refunded"
        assert [effect.kind for _, effect in world.ledger(checkout)] == ["capture", "refund"]


@BOTH
async def test_a_decline_that_comes_in_review_ends_the_checkout(new_world: NewWorld, account: str) -> None:
    """A soft decline after hours: nobody expects a charge at another account any more."""
    async with new_world(account, "card-b") as world:
        world.banks[account].charge_script = [pending()]
        checkout = await world.checkout()
        handle = await world.start(checkout)
        await world.skip(timedelta(hours=2))
        world.banks[account].settle(attempt_id(checkout, 1), PaymentStatus.DECLINED, decline=INSUFFICIENT)
        await world.news(handle, checkout)
        assert (await handle.result()).status == "failed"
        row = await world.row(checkout)
        assert row.decline is not None
        assert row.decline["code"] == "insufficient_funds"
        assert not world.banks["card-b"].charges


async def test_after_a_mismatch_nothing_is_believed_to_be_gone(new_world: NewWorld) -> None:
    """G12: money has moved; that the gateway does not show it any more is for a person to judge."""
    async with new_world("momo", "card-b") as world:
        bank = world.banks["momo"]
        bank.charge_script = [wrong_amount(AMOUNT - 1)]
        checkout = await world.checkout()
        handle = await world.start(checkout)
        await world.until(checkout, "in_review")
        bank.payments.clear()
        await world.skip(timedelta(days=2))
        assert bank.look_ups > 2
        assert (await world.row(checkout)).status == "in_review"
        await world.lose(handle)


LOOK_UP, RESEND, SECOND_SEND = 4, 6, 4
"""Plan, claim, record; then a look-up, which reads and records, or the next send."""


async def cut_off(world: World, *, at: int) -> tuple[str, WorkflowHandle[Any, Any]]:
    """A checkout before whose n-th transaction the database goes away for longer than the deadline."""
    world.faults.down_from = at
    checkout = await world.checkout()
    handle = await world.start(checkout)
    async with asyncio.timeout(PATIENCE):
        await world.faults.missed.wait()
    await world.skip(2 * DEADLINE)
    return checkout, handle


@BOTH
async def test_after_a_long_outage_the_gateway_is_asked_before_a_person(
    new_world: NewWorld, account: str
) -> None:
    """I15, D2."""
    async with new_world(account, "card-b", unresolved_after=DEADLINE.total_seconds()) as world:
        world.banks[account].charge_script = [lost(approve())]
        checkout, handle = await cut_off(world, at=LOOK_UP)
        world.faults.down = False
        assert (await handle.result()).status == "succeeded"
        assert await world.told(checkout, "checkout.in_review") == 0
        assert len(world.ledger(checkout)) == 1


@BOTH
async def test_after_a_long_outage_nobody_is_charged_by_surprise(new_world: NewWorld, account: str) -> None:
    """Nothing was taken, and hours later nothing is sent again: not there, and not elsewhere."""
    async with new_world(account, "card-b", unresolved_after=DEADLINE.total_seconds()) as world:
        world.banks[account].charge_script = [never()]
        checkout, handle = await cut_off(world, at=LOOK_UP)
        world.faults.down = False
        assert (await handle.result()).status == "failed"
        assert await world.told(checkout, "checkout.in_review") == 0
        assert await world.statuses(checkout) == [f"{account} not_found"]
        assert len(world.banks[account].charges) == 1
        assert not world.banks["card-b"].charges


async def test_an_outage_between_a_look_up_and_a_send_makes_the_look_up_old(new_world: NewWorld) -> None:
    """D2: what found nothing before the outage does not allow to send after it."""
    async with new_world("card-a", "card-b", unresolved_after=DEADLINE.total_seconds()) as world:
        world.banks["card-a"].charge_script = [never()]
        checkout, handle = await cut_off(world, at=RESEND)
        world.faults.down = False
        assert (await handle.result()).status == "failed"
        assert await world.statuses(checkout) == ["card-a not_found"]
        assert len(world.banks["card-a"].charges) == 1
        assert not world.banks["card-b"].charges


@pytest.mark.parametrize(
    ("first", "ends"), [(decline(DeclineCategory.SOFT), "declined"), (not_sent(), "not_sent")]
)
async def test_an_outage_between_two_sends_makes_the_second_too_late(
    new_world: NewWorld, first: Play, ends: str
) -> None:
    """D2: neither the next account nor the same one is asked for a charge that nobody expects any more."""
    async with new_world("card-a", "card-b", start_within=60) as world:
        world.banks["card-a"].charge_script = [first]
        checkout, handle = await cut_off(world, at=SECOND_SEND)
        async with world.database.transaction() as session:
            await attempts.change(
                session, attempt_id(checkout, 1), ended_at=datetime.now(UTC) - timedelta(seconds=61)
            )
        world.faults.down = False
        assert (await handle.result()).status == "failed"
        assert await world.statuses(checkout) == [f"card-a {ends}"]
        assert len(world.ledger(checkout, "capture")) == 0


async def test_a_look_up_that_finds_nothing_is_told_apart_from_proof(new_world: NewWorld) -> None:
    """I10: people and the oracle of the fault campaign read the timeline."""
    async with new_world("momo", "card-b") as world:
        world.banks["momo"].charge_script = [never()]
        checkout = await world.checkout()
        assert await world.run(checkout) == "succeeded"
        assert await world.told(checkout, "attempt.nothing_found") == 1
        assert await world.told(checkout, "attempt.not_found") == 1


async def test_cancel_in_review_of_a_payment_under_way_leaves_it_to_the_watcher(new_world: NewWorld) -> None:
    """Nobody waits for it any more; should it succeed, it goes back."""
    async with new_world("momo", "card-b") as world:
        world.banks["momo"].charge_script = [pending()]
        checkout = await world.checkout()
        handle = await world.start(checkout)
        await world.skip(timedelta(hours=2))
        assert (await world.row(checkout)).status == "in_review"
        result = await handle.execute_update(Checkout.cancel, CancelCheckout())
        assert (result.status, result.done) == ("canceled", True)
        await handle.result()
        world.banks["momo"].settle(attempt_id(checkout, 1), PaymentStatus.CAPTURED)
        assert await world.compensated(checkout) == "refunded"


async def test_cancel_in_review_of_a_silent_gateway_waits_and_then_counts(new_world: NewWorld) -> None:
    """Whether money was taken is not known: the checkout stays in review, and is canceled once it is."""
    async with new_world("momo", "card-b") as world:
        checkout, handle = await silent_until_review(world, "momo")
        world.banks["momo"].look_up_faults = 1
        update = asyncio.create_task(handle.execute_update(Checkout.cancel, CancelCheckout()))
        await world.skip(timedelta(minutes=5))
        assert not update.done()
        assert (await world.row(checkout)).status == "in_review"
        await world.news(handle, checkout)
        assert (await handle.result()).status == "canceled"
        assert (await update).done
