"""Cancel, capture, and an operator's decision, in every state."""

import asyncio
import sys
from datetime import timedelta
from typing import Any

import pytest
from temporalio.client import WorkflowHandle, WorkflowUpdateFailedError, WorkflowUpdateStage

from domain.decline import DeclineCategory
from domain.ids import attempt_id
from domain.outcome import PaymentStatus
from tests.workflow.conftest import NewWorld
from tests.workflow.plays import action, approve, decline, lost, never, pending, wrong_amount
from tests.workflow.world import AMOUNT, World
from workflows.checkout import Checkout
from workflows.messages import CancelCheckout, CaptureCheckout, DecideReview, Decision


async def cancel(handle: WorkflowHandle[Any, Any]) -> tuple[str, bool]:
    """Cancel, and let time pass until the run has ended.

    Only once the run has taken the update in: where the time-skipping server leaps to a timer in the very
    moment in which an update arrives, it can hand out a workflow task that nobody gets, and waits for ever.
    """
    update = await handle.start_update(
        Checkout.cancel, CancelCheckout(), wait_for_stage=WorkflowUpdateStage.ACCEPTED
    )
    result, _ = await asyncio.gather(update.result(), handle.result())
    return result.status, result.done


async def refused(handle: WorkflowHandle[Any, Any], update: Any, command: object) -> str:
    with pytest.raises(WorkflowUpdateFailedError) as failure:
        await handle.execute_update(update, command)
    return getattr(failure.value.cause, "type", "")


async def in_review(world: World, checkout: str) -> WorkflowHandle[Any, Any]:
    handle = await world.start(checkout)
    await world.skip(timedelta(minutes=45))
    assert (await world.row(checkout)).status == "in_review"
    return handle


async def test_cancel_while_the_customer_acts_closes_it(new_world: NewWorld) -> None:
    async with new_world("card-a", "card-b") as world:
        world.banks["card-a"].charge_script = [action()]
        checkout = await world.checkout()
        handle = await world.start(checkout)
        await world.until(checkout, "requires_action")
        assert await cancel(handle) == ("canceled", True)
        assert (await world.row(checkout)).status == "canceled"
        assert not world.ledger(checkout)
        assert not world.banks["card-b"].charges


async def test_cancel_of_a_prompt_that_cannot_be_closed_is_watched(new_world: NewWorld) -> None:
    """I13."""
    async with new_world("momo") as world:
        world.banks["momo"].charge_script = [action(url=None, closable=False)]
        checkout = await world.checkout()
        handle = await world.start(checkout)
        await world.until(checkout, "requires_action")
        assert await cancel(handle) == ("canceled", True)
        world.banks["momo"].settle(attempt_id(checkout, 1), PaymentStatus.CAPTURED)
        assert await world.compensated(checkout) == "refunded"
        assert [effect.kind for _, effect in world.ledger(checkout)] == ["capture", "refund"]


@pytest.mark.parametrize("account", ["card-a", "momo"])
async def test_cancel_while_unclear_waits_for_the_truth_paid(new_world: NewWorld, account: str) -> None:
    async with new_world(account) as world:
        bank = world.banks[account]
        bank.charge_script, bank.look_up_faults = [lost(approve())], sys.maxsize
        checkout = await world.checkout()
        handle = await world.start(checkout)
        await world.until_told(checkout, "attempt.unknown")
        update = await handle.start_update(
            Checkout.cancel, CancelCheckout(), wait_for_stage=WorkflowUpdateStage.ACCEPTED
        )
        bank.look_up_faults = 0
        result, _ = await asyncio.gather(update.result(), handle.result())
        assert (result.status, result.done) == ("succeeded", False)
        assert (await world.row(checkout)).status == "succeeded"


@pytest.mark.parametrize("account", ["card-a", "momo"])
async def test_cancel_while_unclear_waits_for_the_truth_unpaid(new_world: NewWorld, account: str) -> None:
    async with new_world(account, "card-b", quiet_period=1) as world:
        world.banks[account].charge_script = [never(), never(), never()]
        world.banks[account].look_up_faults = 1
        checkout = await world.checkout()
        handle = await world.start(checkout)
        await world.until_told(checkout, "attempt.unknown")
        assert await cancel(handle) == ("canceled", True)
        assert not world.ledger(checkout)
        assert not world.banks["card-b"].charges


async def test_a_page_of_a_gateway_that_cannot_be_asked_is_found_and_closed_after_a_cancel(
    new_world: NewWorld,
) -> None:
    """Its link was lost with the answer; asked for again, nobody is charged by it."""
    async with new_world("mute", "card-b") as world:
        bank = world.banks["mute"]
        bank.charge_script = [lost(action())]
        checkout = await world.checkout(payment_method={"type": "hosted"})
        handle = await world.start(checkout)
        await world.until_told(checkout, "attempt.unknown")
        assert await cancel(handle) == ("canceled", True)
        assert await world.statuses(checkout) == ["mute canceled"]
        assert len(bank.sent(attempt_id(checkout, 1))) == 2
        assert world.ledger(checkout) == []
        assert not world.banks["card-b"].charges


async def test_a_canceled_charge_is_not_sent_again(new_world: NewWorld) -> None:
    """It might be the first one to arrive."""
    async with new_world("mute", "card-b", unresolved_after=600) as world:
        world.banks["mute"].charge_script = [never() for _ in range(100)]
        checkout = await world.checkout()
        handle = await world.start(checkout)
        await world.until_told(checkout, "attempt.unknown")
        await handle.start_update(
            Checkout.cancel, CancelCheckout(), wait_for_stage=WorkflowUpdateStage.ACCEPTED
        )
        sent = len(world.banks["mute"].sent(attempt_id(checkout, 1)))
        await world.skip(timedelta(minutes=20))
        assert (await world.row(checkout)).status == "in_review"
        assert len(world.banks["mute"].sent(attempt_id(checkout, 1))) <= sent + 1
        await world.lose(handle)


async def test_cancel_after_paid_is_refused(new_world: NewWorld) -> None:
    """Its run is over, or says NotCancelable: either way nothing changes."""
    async with new_world("card-a") as world:
        checkout = await world.checkout()
        handle = await world.start(checkout)
        await handle.result()
        with pytest.raises(Exception, match=r"(?i)completed|not.?found|succeeded"):
            await cancel(handle)
        assert (await world.row(checkout)).status == "succeeded"


@pytest.mark.parametrize(("amount", "captured"), [(None, AMOUNT), (4_000, 4_000)])
async def test_capture_takes_all_or_a_part(new_world: NewWorld, amount: int | None, captured: int) -> None:
    async with new_world("card-a") as world:
        checkout = await world.checkout(capture_method="manual")
        handle = await world.start(checkout)
        await world.until(checkout, "requires_capture")
        result = await handle.execute_update(Checkout.capture, CaptureCheckout(amount=amount))
        assert (result.status, result.done) == ("succeeded", True)
        row = await world.row(checkout)
        assert (row.status, row.amount_captured) == ("succeeded", captured)
        assert [(e.kind, e.amount) for _, e in world.ledger(checkout)][-1] == ("capture", captured)


async def test_a_capture_whose_answer_is_lost_happens_once(new_world: NewWorld) -> None:
    async with new_world("card-a") as world:
        checkout = await world.checkout(capture_method="manual")
        handle = await world.start(checkout)
        await world.until(checkout, "requires_capture")
        world.banks["card-a"].settle_script = [lost(approve())]
        result = await handle.execute_update(Checkout.capture, CaptureCheckout())
        assert result.done
        assert [e.kind for _, e in world.ledger(checkout)] == ["authorize", "capture"]


async def test_a_capture_that_the_gateway_refuses_leaves_it_open(new_world: NewWorld) -> None:
    async with new_world("card-a") as world:
        checkout = await world.checkout(capture_method="manual")
        handle = await world.start(checkout)
        await world.until(checkout, "requires_capture")
        world.banks["card-a"].settle_script = [decline(DeclineCategory.SOFT)]
        result = await handle.execute_update(Checkout.capture, CaptureCheckout())
        assert (result.status, result.done, result.detail) == ("requires_capture", False, "scripted")
        assert (await handle.execute_update(Checkout.capture, CaptureCheckout())).done


async def test_a_capture_after_the_gateway_released_it_ends_expired(new_world: NewWorld) -> None:
    async with new_world("card-a") as world:
        checkout = await world.checkout(capture_method="manual")
        handle = await world.start(checkout)
        await world.until(checkout, "requires_capture")
        world.banks["card-a"].settle(attempt_id(checkout, 1), PaymentStatus.CANCELED)
        result = await handle.execute_update(Checkout.capture, CaptureCheckout())
        assert not result.done
        assert (await handle.result()).status == "expired"


async def test_an_accepted_capture_waits_until_the_run_knows_of_the_authorization(
    new_world: NewWorld,
) -> None:
    """The API may see it long before: in the row, where the worker that wrote it has died in between."""
    async with new_world("card-a") as world:
        world.banks["card-a"].charge_script = [lost(approve())]
        world.banks["card-a"].look_up_faults = 4
        checkout = await world.checkout(capture_method="manual")
        handle = await world.start(checkout)
        await world.until_told(checkout, "attempt.unknown")
        update = await handle.start_update(
            Checkout.capture, CaptureCheckout(amount=4_000), wait_for_stage=WorkflowUpdateStage.ACCEPTED
        )
        assert await refused(handle, Checkout.capture, CaptureCheckout()) == "InProgress"
        result, _ = await asyncio.gather(update.result(), handle.result())
        assert (result.status, result.done) == ("succeeded", True)
        assert (await world.row(checkout)).amount_captured == 4_000


async def test_a_capture_of_what_is_never_authorized_ends_with_the_checkout(new_world: NewWorld) -> None:
    async with new_world("card-a") as world:
        world.banks["card-a"].charge_script = [action()]
        checkout = await world.checkout(capture_method="manual")
        handle = await world.start(checkout)
        await world.until(checkout, "requires_action")
        update = await handle.start_update(
            Checkout.capture, CaptureCheckout(), wait_for_stage=WorkflowUpdateStage.ACCEPTED
        )
        result, _ = await asyncio.gather(update.result(), handle.result())
        assert (result.status, result.done) == ("expired", False)
        assert world.ledger(checkout) == []


async def test_cancel_of_an_authorization_voids_it(new_world: NewWorld) -> None:
    async with new_world("card-a") as world:
        checkout = await world.checkout(capture_method="manual")
        handle = await world.start(checkout)
        await world.until(checkout, "requires_capture")
        world.banks["card-a"].settle_script = [lost(approve())]
        assert await cancel(handle) == ("canceled", True)
        assert [e.kind for _, e in world.ledger(checkout)] == ["authorize", "void"]
        assert await world.statuses(checkout) == ["card-a voided"]


async def test_cancel_of_an_authorization_that_is_captured_already_is_paid(new_world: NewWorld) -> None:
    """G16: somebody captured it in the gateway's own dashboard."""
    async with new_world("card-a") as world:
        checkout = await world.checkout(capture_method="manual")
        handle = await world.start(checkout)
        await world.until(checkout, "requires_capture")
        world.banks["card-a"].settle(attempt_id(checkout, 1), PaymentStatus.CAPTURED)
        assert await cancel(handle) == ("succeeded", False)
        row = await world.row(checkout)
        assert (row.status, row.amount_captured) == ("succeeded", AMOUNT)


async def test_an_authorization_nobody_captures_is_voided_at_its_end(new_world: NewWorld) -> None:
    async with new_world("card-a") as world:
        checkout = await world.checkout(capture_method="manual")
        assert await world.run(checkout) == "expired"
        assert [e.kind for _, e in world.ledger(checkout)] == ["authorize", "void"]


@pytest.mark.parametrize("account", ["card-a", "momo"])
async def test_an_operator_ends_a_review(new_world: NewWorld, account: str) -> None:
    """Not paid, says the gateway's support: failed; and should money come after all, it goes back."""
    async with new_world(account, "card-b") as world:
        world.banks[account].charge_script = [pending()]
        checkout = await world.checkout()
        handle = await in_review(world, checkout)
        await handle.execute_update(Checkout.decide_review, DecideReview(decision=Decision.NOT_PAID))
        assert (await handle.result()).status == "failed"
        assert not world.banks["card-b"].charges
        world.banks[account].settle(attempt_id(checkout, 1), PaymentStatus.CAPTURED)
        assert await world.compensated(checkout) == "refunded"
        assert [e.kind for _, e in world.ledger(checkout)] == ["capture", "refund"]


async def test_an_operator_may_only_ask_to_look_again(new_world: NewWorld) -> None:
    async with new_world("momo") as world:
        bank = world.banks["momo"]
        bank.charge_script = [pending()]
        checkout = await world.checkout()
        handle = await in_review(world, checkout)
        before = bank.look_ups
        await handle.execute_update(Checkout.decide_review, DecideReview(decision=Decision.LOOK_AGAIN))
        await world.skip(timedelta(minutes=5))
        assert bank.look_ups == before + 1
        bank.settle(attempt_id(checkout, 1), PaymentStatus.CAPTURED)
        await handle.execute_update(Checkout.decide_review, DecideReview(decision=Decision.LOOK_AGAIN))
        assert (await handle.result()).status == "succeeded"


async def test_money_found_while_in_review_is_adopted(new_world: NewWorld) -> None:
    async with new_world("momo") as world:
        world.banks["momo"].charge_script = [pending()]
        checkout = await world.checkout()
        handle = await in_review(world, checkout)
        world.banks["momo"].settle(attempt_id(checkout, 1), PaymentStatus.CAPTURED)
        await world.news(handle, checkout)
        assert (await handle.result()).status == "succeeded"
        row = await world.row(checkout)
        assert (row.status, row.review_reason, row.amount_captured) == ("succeeded", None, AMOUNT)


async def test_a_page_that_reappears_while_in_review_is_closed(new_world: NewWorld) -> None:
    """I14: the customer is not sent back to act, and where a close is a fence that ends the review."""
    async with new_world("card-a") as world:
        world.banks["card-a"].charge_script = [lost(action())]
        world.banks["card-a"].look_up_faults = 10_000
        checkout = await world.checkout()
        handle = await in_review(world, checkout)
        world.banks["card-a"].look_up_faults = 0
        await world.news(handle, checkout)
        assert (await handle.result()).status == "failed"
        assert await world.statuses(checkout) == ["card-a canceled"]
        assert await world.told(checkout, "checkout.requires_action") == 0


async def test_a_mismatch_decided_as_not_paid_gives_the_money_back(new_world: NewWorld) -> None:
    async with new_world("card-a") as world:
        world.banks["card-a"].charge_script = [wrong_amount(AMOUNT + 1)]
        checkout = await world.checkout()
        handle = await world.start(checkout)
        await world.until(checkout, "in_review")
        await handle.execute_update(Checkout.decide_review, DecideReview(decision=Decision.NOT_PAID))
        assert (await handle.result()).status == "failed"
        assert await world.compensated(checkout) == "refunded"
        assert [(e.kind, e.amount) for _, e in world.ledger(checkout)] == [
            ("capture", AMOUNT + 1),
            ("refund", AMOUNT + 1),
        ]


async def test_a_decision_is_refused_where_nothing_is_in_review(new_world: NewWorld) -> None:
    async with new_world("card-a") as world:
        world.banks["card-a"].charge_script = [action()]
        checkout = await world.checkout()
        handle = await world.start(checkout)
        await world.until(checkout, "requires_action")
        command = DecideReview(decision=Decision.NOT_PAID)
        assert await refused(handle, Checkout.decide_review, command) == "NotInReview"
        await world.lose(handle)
