"""What each answer of a gateway leads to, when it comes in time."""

from datetime import timedelta

import pytest

from domain.decline import DeclineCategory, DeclineCode
from domain.ids import attempt_id
from domain.outcome import NotSentCause
from storage import checkouts
from tests.workflow.conftest import NewWorld
from tests.workflow.plays import approve, decline, not_sent, wrong_amount
from tests.workflow.world import AMOUNT


async def test_an_approval_is_paid_with_one_capture(new_world: NewWorld) -> None:
    """I1, I3, I4, I6."""
    async with new_world("card-a", "card-b") as world:
        checkout = await world.checkout()
        assert await world.run(checkout) == "succeeded"
        row = await world.row(checkout)
        assert (row.status, row.amount_captured, row.account) == ("succeeded", AMOUNT, "card-a")
        assert row.paid_attempt_id == attempt_id(checkout, 1)
        [(account, capture)] = world.ledger(checkout)
        assert (account, capture.kind, capture.reference) == ("card-a", "capture", attempt_id(checkout, 1))


@pytest.mark.parametrize("category", [DeclineCategory.HARD, DeclineCategory.FRAUD])
async def test_a_hard_or_fraud_decline_stops(new_world: NewWorld, category: DeclineCategory) -> None:
    """G11."""
    async with new_world("card-a", "card-b") as world:
        world.banks["card-a"].charge_script = [decline(category, DeclineCode.DO_NOT_HONOR)]
        checkout = await world.checkout()
        assert await world.run(checkout) == "failed"
        row = await world.row(checkout)
        assert row.decline is not None
        assert row.decline["code"] == "do_not_honor"
        assert not world.banks["card-b"].charges


@pytest.mark.parametrize("category", [DeclineCategory.SOFT, DeclineCategory.CONFIGURATION])
async def test_a_soft_decline_goes_to_the_next_account(
    new_world: NewWorld, category: DeclineCategory
) -> None:
    """G11, I9."""
    async with new_world("card-a", "card-b") as world:
        world.banks["card-a"].charge_script = [decline(category)]
        checkout = await world.checkout()
        assert await world.run(checkout) == "succeeded"
        assert await world.statuses(checkout) == ["card-a declined", "card-b captured"]
        alerts = await world.alerts("card-a")
        assert ("account.configuration" in alerts) is (category is DeclineCategory.CONFIGURATION)


@pytest.mark.parametrize("category", [DeclineCategory.CUSTOMER, DeclineCategory.AUTHENTICATION])
async def test_what_the_customer_can_correct_opens_that_gateways_page(
    new_world: NewWorld, category: DeclineCategory
) -> None:
    async with new_world("card-a", "card-b") as world:
        world.banks["card-a"].charge_script = [decline(category), approve()]
        checkout = await world.checkout(allow_redirect=True)
        assert await world.run(checkout) == "succeeded"
        first, second = await world.attempts(checkout)
        assert (first.method, second.method, second.account) == ("card", "hosted", "card-a")
        assert not world.banks["card-b"].charges


async def test_what_the_customer_can_correct_fails_where_no_page_is_allowed(new_world: NewWorld) -> None:
    async with new_world("card-a", "card-b") as world:
        world.banks["card-a"].charge_script = [decline(DeclineCategory.CUSTOMER, DeclineCode.INVALID_CVC)]
        checkout = await world.checkout()
        assert await world.run(checkout) == "failed"
        assert not world.banks["card-b"].charges


@pytest.mark.parametrize("account", ["card-a", "momo"])
async def test_not_sent_is_tried_once_more(new_world: NewWorld, account: str) -> None:
    """G1, G2: no byte left, so the same account may be asked again."""
    async with new_world(account) as world:
        world.banks[account].charge_script = [not_sent()]
        checkout = await world.checkout()
        assert await world.run(checkout) == "succeeded"
        [attempt] = await world.attempts(checkout)
        assert attempt.sends == 2
        assert len(world.ledger(checkout)) == 1


@pytest.mark.parametrize("cause", list(NotSentCause))
async def test_an_account_that_is_not_reached_is_left_for_the_next(
    new_world: NewWorld, cause: NotSentCause
) -> None:
    """G1, G7, G8."""
    async with new_world("momo", "card-a") as world:
        world.banks["momo"].charge_script = [not_sent(cause), not_sent(cause)]
        before = await world.alerts("momo")  # other checkouts', in the same database
        checkout = await world.checkout()
        assert await world.run(checkout) == "succeeded"
        assert await world.statuses(checkout) == ["momo not_sent", "card-a captured"]
        alerts = await world.alerts("momo")
        if cause is NotSentCause.UNAUTHORIZED:
            assert "account.unauthorized" in alerts
        else:
            assert alerts == before


async def test_a_gateway_that_asks_for_a_long_pause_is_left_at_once(new_world: NewWorld) -> None:
    """G7."""
    async with new_world("card-a", "card-b") as world:
        world.banks["card-a"].charge_script = [not_sent(NotSentCause.RATE_LIMITED, retry_after=1e9)]
        checkout = await world.checkout()
        assert await world.run(checkout) == "succeeded"
        assert await world.statuses(checkout) == ["card-a not_sent", "card-b captured"]
        assert (await world.attempts(checkout))[0].sends == 1


async def test_nobody_reached_is_a_failure_that_says_so(new_world: NewWorld) -> None:
    """G18."""
    async with new_world("card-a", "momo") as world:
        for bank in world.banks.values():
            bank.charge_script = [not_sent(), not_sent()]
        checkout = await world.checkout()
        assert await world.run(checkout) == "failed"
        row = await world.row(checkout)
        assert row.decline is not None
        assert row.decline["code"] == "gateway_unavailable"
        assert not world.ledger(checkout)


async def test_an_empty_plan_fails_with_no_eligible_gateway(new_world: NewWorld) -> None:
    async with new_world("card-a") as world:
        checkout = await world.checkout(currency="JPY")
        assert await world.run(checkout) == "failed"
        row = await world.row(checkout)
        assert row.decline is not None
        assert row.decline["code"] == "no_eligible_gateway"


async def test_what_was_not_sent_in_time_is_not_sent_any_more(new_world: NewWorld) -> None:
    async with new_world("card-a", "momo", start_within=60) as world:
        old, young = await world.checkout(), await world.checkout()
        async with world.database.transaction() as session:
            row = await checkouts.lock(session, old)
            assert row is not None
            row.created_at -= timedelta(seconds=61)
            session.add(row)
        assert await world.run(old) == "failed"
        refusal = (await world.row(old)).decline
        assert refusal is not None
        assert refusal["code"] == "start_expired"
        assert not any(bank.charges for bank in world.banks.values())
        assert await world.run(young) == "succeeded"


async def test_the_cap_of_attempts_ends_the_walk(new_world: NewWorld) -> None:
    async with new_world("card-a", "card-b", "momo", max_attempts=2) as world:
        for bank in world.banks.values():
            bank.charge_script = [decline(DeclineCategory.SOFT)]
        checkout = await world.checkout()
        assert await world.run(checkout) == "failed"
        assert len(await world.attempts(checkout)) == 2
        assert not world.banks["momo"].charges


async def test_a_card_that_was_declined_too_often_is_not_sent_again(new_world: NewWorld) -> None:
    async with new_world("card-a", "card-b", max_declines_per_card=2) as world:
        method = {"type": "card", "tokens": {"card-a": "tok_same", "card-b": "tok_same"}}
        for bank in world.banks.values():
            bank.charge_script = [decline(DeclineCategory.SOFT)]
        first = await world.checkout(payment_method=method)
        assert await world.run(first) == "failed"
        second = await world.checkout(payment_method=method)
        assert await world.run(second) == "failed"
        assert len(world.ledger(first, "decline")) == 2
        assert not world.ledger(second)
        assert await world.told(second, "account.skipped") == 2


async def test_money_of_another_amount_is_never_paid(new_world: NewWorld) -> None:
    """G12, I6: in review, and a person decides."""
    async with new_world("card-a", "card-b") as world:
        world.banks["card-a"].charge_script = [wrong_amount(AMOUNT - 1)]
        checkout = await world.checkout()
        handle = await world.start(checkout)
        await world.until(checkout, "in_review")
        row = await world.row(checkout)
        assert (row.review_reason, row.amount_captured, row.paid_attempt_id) == ("mismatch", 0, None)
        assert not world.banks["card-b"].charges
        assert await world.alerts(checkout) == ["checkout.in_review.mismatch"]
        assert await world.alerts(attempt_id(checkout, 1)) == ["outcome.mismatch"]
        await world.lose(handle)
