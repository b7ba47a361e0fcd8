"""The customer acts, or does not: 3-D Secure, pages, prompts."""

from datetime import timedelta

import pytest

from domain.decline import Decline, DeclineCategory, DeclineCode
from domain.ids import attempt_id
from domain.outcome import PaymentStatus
from tests.workflow.conftest import NewWorld
from tests.workflow.plays import action, lost, never, pending

DO_NOT_HONOR = Decline(
    category=DeclineCategory.HARD, code=DeclineCode.DO_NOT_HONOR, message="the issuer says no"
)
HOSTED = {"type": "hosted"}


async def test_a_webhook_ends_the_wait(new_world: NewWorld) -> None:
    """H1: no timer passes; the webhook is a hint and the look-up the proof (I19)."""
    async with new_world("card-a") as world:
        world.banks["card-a"].charge_script = [action()]
        checkout = await world.checkout()
        handle = await world.start(checkout)
        row = await world.until(checkout, "requires_action")
        assert row.next_action is not None
        assert row.next_action["url"] == "https://gateway.example/page"
        world.banks["card-a"].settle(attempt_id(checkout, 1), PaymentStatus.CAPTURED)
        await world.news(handle, checkout)
        row = await world.until(checkout, "succeeded")
        assert (row.next_action, row.amount_captured) == (None, 12_500)


async def test_a_forged_hint_changes_nothing(new_world: NewWorld) -> None:
    """I19."""
    async with new_world("card-a") as world:
        world.banks["card-a"].charge_script = [action()]
        checkout = await world.checkout()
        handle = await world.start(checkout)
        await world.until(checkout, "requires_action")
        for _ in range(5):
            await world.news(handle, checkout)
        await world.skip(timedelta(seconds=8))
        assert (await world.row(checkout)).status == "requires_action"
        assert len(world.banks["card-a"].charges) == 1
        await world.lose(handle)


@pytest.mark.parametrize("account", ["card-a", "momo"])
async def test_a_poll_finds_it_where_no_webhook_comes(new_world: NewWorld, account: str) -> None:
    """H2."""
    async with new_world(account) as world:
        world.banks[account].charge_script = [action(url=None)]
        checkout = await world.checkout()
        handle = await world.start(checkout)
        await world.until(checkout, "requires_action")
        await world.skip(timedelta(minutes=3))
        world.banks[account].settle(attempt_id(checkout, 1), PaymentStatus.CAPTURED)
        assert (await handle.result()).status == "succeeded"


async def test_a_failed_challenge_is_a_decline(new_world: NewWorld) -> None:
    async with new_world("card-a", "card-b") as world:
        world.banks["card-a"].charge_script = [action()]
        checkout = await world.checkout()
        handle = await world.start(checkout)
        await world.until(checkout, "requires_action")
        world.banks["card-a"].settle(attempt_id(checkout, 1), PaymentStatus.DECLINED, decline=DO_NOT_HONOR)
        assert (await handle.result()).status == "failed"
        assert not world.banks["card-b"].charges


async def test_a_failed_try_on_a_page_is_not_a_decline(new_world: NewWorld) -> None:
    """The customer may try again on the page."""
    async with new_world("card-a") as world:
        world.banks["card-a"].charge_script = [action()]
        checkout = await world.checkout(payment_method=HOSTED)
        handle = await world.start(checkout)
        await world.until(checkout, "requires_action")
        world.banks["card-a"].settle(attempt_id(checkout, 1), PaymentStatus.DECLINED, decline=DO_NOT_HONOR)
        await world.skip(timedelta(minutes=1))
        assert (await world.row(checkout)).status == "requires_action"
        world.banks["card-a"].settle(attempt_id(checkout, 1), PaymentStatus.CAPTURED)
        assert (await handle.result()).status == "succeeded"


async def test_a_page_whose_creation_was_lost_is_found_and_handed_out(new_world: NewWorld) -> None:
    async with new_world("card-a") as world:
        world.banks["card-a"].charge_script = [lost(action())]
        checkout = await world.checkout(payment_method=HOSTED)
        handle = await world.start(checkout)
        await world.skip(timedelta(seconds=3))
        row = await world.until(checkout, "requires_action")
        assert row.next_action is not None
        world.banks["card-a"].settle(attempt_id(checkout, 1), PaymentStatus.CAPTURED)
        assert (await handle.result()).status == "succeeded"


async def test_a_page_whose_link_nobody_has_expires_under_watch(new_world: NewWorld) -> None:
    """Its link was lost with the answer: the gateway would wait for ever, and a person knows no more."""
    async with new_world("momo", "card-b") as world:
        world.banks["momo"].charge_script = [lost(pending())]
        checkout = await world.checkout(payment_method=HOSTED)
        assert await world.run(checkout) == "expired"
        assert await world.statuses(checkout) == ["momo pending"]
        world.banks["momo"].settle(attempt_id(checkout, 1), PaymentStatus.CAPTURED)
        assert await world.compensated(checkout) == "refunded"
        assert [effect.kind for _, effect in world.ledger(checkout)] == ["capture", "refund"]


async def test_a_customer_who_does_not_act_lets_it_expire(new_world: NewWorld) -> None:
    """I5: closed at the gateway first; nothing can be paid any more."""
    async with new_world("card-a", "card-b") as world:
        world.banks["card-a"].charge_script = [action()]
        checkout = await world.checkout()
        assert await world.run(checkout) == "expired"
        assert await world.statuses(checkout) == ["card-a canceled"]
        assert not world.ledger(checkout)
        assert not world.banks["card-b"].charges


async def test_a_close_that_is_not_answered_is_looked_up(new_world: NewWorld) -> None:
    async with new_world("card-a") as world:
        world.banks["card-a"].charge_script = [action()]
        world.banks["card-a"].settle_script = [never()]
        checkout = await world.checkout()
        assert await world.run(checkout) == "expired"
        assert not world.ledger(checkout)


async def test_a_payment_in_the_last_moment_wins_over_the_expiry(new_world: NewWorld) -> None:
    async with new_world("card-a", action_expires_after=60, action_poll_intervals=(300,)) as world:
        world.banks["card-a"].charge_script = [action()]
        checkout = await world.checkout()
        handle = await world.start(checkout)
        await world.until(checkout, "requires_action")
        await world.skip(timedelta(seconds=59))
        world.banks["card-a"].settle(attempt_id(checkout, 1), PaymentStatus.CAPTURED)
        assert (await handle.result()).status == "succeeded"


async def test_a_prompt_that_cannot_be_closed_expires_under_watch(new_world: NewWorld) -> None:
    """I11, I13: paid after the expiry, it is given back once."""
    async with new_world("momo") as world:
        world.banks["momo"].charge_script = [action(url=None, closable=False)]
        checkout = await world.checkout()
        assert await world.run(checkout) == "expired"
        await world.skip(timedelta(minutes=7))
        world.banks["momo"].settle(attempt_id(checkout, 1), PaymentStatus.CAPTURED)
        assert await world.compensated(checkout) == "refunded"
        assert [effect.kind for _, effect in world.ledger(checkout)] == ["capture", "refund"]
        assert (await world.row(checkout)).status == "expired"


async def test_a_wrong_amount_on_a_page_is_reviewed_at_once(new_world: NewWorld) -> None:
    """G12: not only when the page expires."""
    async with new_world("card-a") as world:
        world.banks["card-a"].charge_script = [action()]
        checkout = await world.checkout(payment_method=HOSTED)
        handle = await world.start(checkout)
        await world.until(checkout, "requires_action")
        world.banks["card-a"].settle(attempt_id(checkout, 1), PaymentStatus.CAPTURED, amount=1)
        await world.news(handle, checkout)
        row = await world.until(checkout, "in_review")
        assert (row.review_reason, row.next_action) == ("mismatch", None)
        await world.lose(handle)
