"""An operator chooses who is asked next: only who, never when; I9 holds."""

from datetime import timedelta

import pytest
from temporalio.client import WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError

from domain.decline import DeclineCategory
from domain.ids import attempt_id
from domain.outcome import PaymentStatus
from domain.switches import Switch
from tests.operators.freezing import Hand
from tests.workflow.conftest import NewWorld
from tests.workflow.plays import Play, action, decline, pending
from workflows.checkout import Checkout
from workflows.messages import CancelCheckout, ChooseNext

THREE = ("card-a", "card-b", "momo")


async def test_the_open_page_is_closed_and_the_chosen_account_asked(new_world: NewWorld) -> None:
    async with new_world(*THREE) as world:
        world.banks["card-a"].charge_script = [action()]
        checkout = await world.checkout()
        handle = await world.start(checkout)
        await world.until(checkout, "requires_action")
        await handle.execute_update(Checkout.choose_next, ChooseNext(account="momo", close_page=True))
        assert (await handle.result()).status == "succeeded"
        assert await world.statuses(checkout) == ["card-a canceled", "momo captured"]
        assert not world.banks["card-b"].charges


async def test_where_a_close_is_not_final_the_page_is_looked_up_before_anybody_else_is_asked(
    new_world: NewWorld,
) -> None:
    """I9: nothing is sent while a payment on the page may still arrive."""
    async with new_world("momo", "card-a") as world:
        world.banks["momo"].charge_script = [action()]
        checkout = await world.checkout()
        handle = await world.start(checkout)
        await world.until(checkout, "requires_action")
        await handle.execute_update(Checkout.choose_next, ChooseNext(account="card-a", close_page=True))
        assert (await handle.result()).status == "succeeded"
        assert await world.statuses(checkout) == ["momo canceled", "card-a captured"]
        assert await world.told(checkout, "attempt.page_closed") == 1


async def test_money_that_arrives_meanwhile_is_the_checkouts(new_world: NewWorld) -> None:
    async with new_world("momo", "card-a") as world:
        checkout = await world.checkout()

        async def paid_on_the_closed_page() -> None:
            world.banks["momo"].settle(attempt_id(checkout, 1), PaymentStatus.CAPTURED)

        world.banks["momo"].charge_script = [action()]
        world.banks["momo"].settle_script = [Play(meanwhile=paid_on_the_closed_page)]
        handle = await world.start(checkout)
        await world.until(checkout, "requires_action")
        await handle.execute_update(Checkout.choose_next, ChooseNext(account="card-a", close_page=True))
        assert (await handle.result()).status == "succeeded"
        assert await world.statuses(checkout) == ["momo captured"]
        assert not world.banks["card-a"].charges


async def test_what_cannot_be_closed_is_waited_for_as_before(new_world: NewWorld) -> None:
    async with new_world("momo", "card-a") as world:
        world.banks["momo"].charge_script = [action(url=None, closable=False)]
        checkout = await world.checkout()
        handle = await world.start(checkout)
        await world.until(checkout, "requires_action")
        await handle.execute_update(Checkout.choose_next, ChooseNext(account="card-a", close_page=True))
        await world.skip(timedelta(minutes=5))
        assert not world.banks["card-a"].charges
        world.banks["momo"].settle(attempt_id(checkout, 1), PaymentStatus.CAPTURED)
        assert (await handle.result()).status == "succeeded"
        assert await world.statuses(checkout) == ["momo captured"]


async def test_without_closing_the_choice_waits_for_the_attempts_own_end(new_world: NewWorld) -> None:
    async with new_world(*THREE) as world:
        world.banks["card-a"].charge_script = [action()]
        checkout = await world.checkout()
        handle = await world.start(checkout)
        await world.until(checkout, "requires_action")
        await handle.execute_update(Checkout.choose_next, ChooseNext(account="momo"))
        await world.skip(timedelta(minutes=2))
        assert (await world.row(checkout)).status == "requires_action"
        soft = decline(DeclineCategory.SOFT).decline
        world.banks["card-a"].settle(attempt_id(checkout, 1), PaymentStatus.DECLINED, decline=soft)
        assert (await handle.result()).status == "succeeded"
        assert await world.statuses(checkout) == ["card-a declined", "momo captured"]


async def test_the_last_choice_counts(new_world: NewWorld) -> None:
    async with new_world(*THREE) as world:
        world.banks["card-a"].charge_script = [action()]
        checkout = await world.checkout()
        handle = await world.start(checkout)
        await world.until(checkout, "requires_action")
        await handle.execute_update(Checkout.choose_next, ChooseNext(account="card-b"))
        await handle.execute_update(Checkout.choose_next, ChooseNext(account="momo", close_page=True))
        await handle.result()
        assert await world.statuses(checkout) == ["card-a canceled", "momo captured"]


async def test_an_account_that_cannot_take_it_is_skipped_and_the_plan_goes_on(new_world: NewWorld) -> None:
    async with new_world(*THREE) as world:
        world.banks["card-a"].charge_script = [action()]
        checkout = await world.checkout()
        handle = await world.start(checkout)
        await world.until(checkout, "requires_action")
        await Hand(world.database).freeze(Switch.CHARGES, "momo")
        for account in ("nowhere", "momo"):
            await handle.execute_update(Checkout.choose_next, ChooseNext(account=account, close_page=True))
        assert (await handle.result()).status == "succeeded"
        assert (await world.statuses(checkout))[-1] == "card-b captured"
        assert await world.told(checkout, "account.skipped") >= 1
        await Hand(world.database).thaw(Switch.CHARGES, "momo")


async def test_the_account_that_was_left_can_be_chosen_again(new_world: NewWorld) -> None:
    """As a new attempt, under a key of its own."""
    async with new_world("card-a") as world:
        world.banks["card-a"].charge_script = [action()]
        checkout = await world.checkout()
        handle = await world.start(checkout)
        await world.until(checkout, "requires_action")
        await handle.execute_update(Checkout.choose_next, ChooseNext(account="card-a", close_page=True))
        assert (await handle.result()).status == "succeeded"
        assert await world.statuses(checkout) == ["card-a canceled", "card-a captured"]


async def refused(handle: object, command: ChooseNext) -> None:
    with pytest.raises(WorkflowUpdateFailedError) as error:
        await handle.execute_update(Checkout.choose_next, command)  # type: ignore[attr-defined]
    cause = error.value.cause
    assert isinstance(cause, ApplicationError)
    assert cause.type == "NextRefused"


async def test_authorized_in_review_or_past_the_last_attempt_nothing_is_chosen(new_world: NewWorld) -> None:
    choice = ChooseNext(account="card-b", close_page=True)
    async with new_world("card-a", "card-b", max_attempts=1) as world:
        held = await world.checkout(capture_method="manual")
        handle = await world.start(held)
        await world.until(held, "requires_capture")
        await refused(handle, choice)
        await handle.execute_update(Checkout.cancel, CancelCheckout())
        world.banks["card-a"].charge_script = [action()]
        waiting = await world.checkout()
        handle = await world.start(waiting)
        await world.until(waiting, "requires_action")
        await refused(handle, choice)
        await handle.execute_update(Checkout.cancel, CancelCheckout())
    async with new_world("momo", "card-b") as world:
        world.banks["momo"].charge_script = [pending()]
        unclear = await world.checkout()
        handle = await world.start(unclear)
        await world.skip(timedelta(minutes=45))
        assert (await world.row(unclear)).status == "in_review"
        await refused(handle, choice)
        await handle.terminate()
