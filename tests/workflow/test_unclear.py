"""An answer that does not come, or says nothing: look up, resend only under a key, never guess."""

from datetime import timedelta

import pytest

from domain.ids import attempt_id
from domain.outcome import NotSentCause
from tests.workflow.conftest import NewWorld
from tests.workflow.plays import approve, lost, never, not_sent, pending

BOTH = pytest.mark.parametrize("account", ["card-a", "momo"])


@BOTH
async def test_an_answer_lost_after_charging_is_found_by_look_up(new_world: NewWorld, account: str) -> None:
    """G4, I1."""
    async with new_world(account, "card-b") as world:
        world.banks[account].charge_script = [lost(approve())]
        checkout = await world.checkout()
        assert await world.run(checkout) == "succeeded"
        assert await world.statuses(checkout) == [f"{account} captured"]
        assert len(world.ledger(checkout)) == 1
        assert len(world.banks[account].charges) == 1


async def test_a_request_lost_before_a_keyed_gateway_is_sent_again_alike(new_world: NewWorld) -> None:
    """G3, I8: the same key, the same request."""
    async with new_world("card-a", "card-b") as world:
        world.banks["card-a"].charge_script = [never()]
        checkout = await world.checkout()
        assert await world.run(checkout) == "succeeded"
        first, second = world.banks["card-a"].sent(attempt_id(checkout, 1))
        assert first == second
        assert first.model_dump_json() == second.model_dump_json()
        assert len(world.ledger(checkout)) == 1


async def test_a_request_lost_before_a_keyless_gateway_is_never_sent_twice(new_world: NewWorld) -> None:
    """G3, I9, I10: the quiet period and two agreeing look-ups come before the next account."""
    async with new_world("momo", "card-a") as world:
        world.banks["momo"].charge_script = [never()]
        checkout = await world.checkout()
        began = await world.now()
        assert await world.run(checkout) == "succeeded"
        assert await world.statuses(checkout) == ["momo not_found", "card-a captured"]
        assert len(world.banks["momo"].charges) == 1
        assert world.banks["momo"].look_ups >= 2
        assert await world.now() - began >= timedelta(minutes=10)
        watched = await world.watcher(checkout).describe()
        assert watched.status is not None
        assert watched.status.name == "RUNNING"


async def test_a_keyed_gateway_that_stays_silent_is_left_after_its_resends(new_world: NewWorld) -> None:
    """I10: the quiet period counts from the last send."""
    async with new_world("card-a", "card-b") as world:
        world.banks["card-a"].charge_script = [never(), never(), never()]
        checkout = await world.checkout()
        began = await world.now()
        assert await world.run(checkout) == "succeeded"
        assert await world.statuses(checkout) == ["card-a not_found", "card-b captured"]
        assert len(world.banks["card-a"].charges) == 3
        assert await world.now() - began >= timedelta(minutes=5)


async def test_a_refusal_of_a_resend_proves_nothing(new_world: NewWorld) -> None:
    """W2, G8: a 401 on the second send says nothing about the first, which is found charged."""
    async with new_world("card-a", "card-b") as world:
        world.banks["card-a"].charge_script = [never(), not_sent(NotSentCause.UNAUTHORIZED)]
        checkout = await world.checkout()
        handle = await world.start(checkout)
        await world.skip(timedelta(seconds=30))
        [attempt] = await world.attempts(checkout)
        assert (attempt.status, attempt.sends) != ("not_sent", 2)
        assert not world.banks["card-b"].charges
        world.banks["card-a"].appear(attempt.id, 12_500, "NGN")
        assert (await handle.result()).status == "succeeded"
        assert await world.statuses(checkout) == ["card-a captured"]


@BOTH
async def test_look_ups_that_fail_are_repeated(new_world: NewWorld, account: str) -> None:
    """G14."""
    async with new_world(account, "card-b") as world:
        world.banks[account].charge_script = [lost(approve())]
        world.banks[account].look_up_faults = 5
        checkout = await world.checkout()
        assert await world.run(checkout) == "succeeded"
        assert len(world.ledger(checkout)) == 1


async def test_a_failed_look_up_between_breaks_the_agreement(new_world: NewWorld) -> None:
    """I10: two look-ups in a row have to agree."""
    async with new_world("momo", "card-a") as world:
        bank = world.banks["momo"]
        bank.charge_script = [never()]
        checkout = await world.checkout()
        handle = await world.start(checkout)
        await world.skip(timedelta(minutes=9, seconds=50))
        bank.look_up_faults = 30
        await world.skip(timedelta(minutes=5))
        assert [attempt.status for attempt in await world.attempts(checkout)] == ["unknown"]
        bank.appear(attempt_id(checkout, 1), 12_500, "NGN")
        assert (await handle.result()).status == "succeeded"
        assert not world.banks["card-a"].charges


@BOTH
async def test_what_stays_unclear_goes_to_a_person(new_world: NewWorld, account: str) -> None:
    """I15: in review with an alert; never a guess, never the next account."""
    async with new_world(account, "card-b") as world:
        world.banks[account].charge_script = [pending()]
        checkout = await world.checkout()
        handle = await world.start(checkout)
        await world.skip(timedelta(hours=2))
        row = await world.row(checkout)
        assert (row.status, row.review_reason) == ("in_review", "unresolved_outcome")
        assert await world.alerts(checkout) == ["checkout.in_review.unresolved_outcome"]
        assert not world.banks["card-b"].charges
        await world.lose(handle)


async def test_a_gateway_that_cannot_be_asked_is_asked_by_the_same_request(new_world: NewWorld) -> None:
    """G4, I8: under its key the request answers as it did the first time."""
    async with new_world("mute", "card-b") as world:
        world.banks["mute"].charge_script = [lost(approve())]
        checkout = await world.checkout()
        assert await world.run(checkout) == "succeeded"
        assert await world.statuses(checkout) == ["mute captured"]
        first, second = world.banks["mute"].sent(attempt_id(checkout, 1))
        assert first.model_dump_json() == second.model_dump_json()
        assert len(world.ledger(checkout)) == 1


async def test_a_gateway_that_cannot_be_asked_is_sent_to_until_it_answers(new_world: NewWorld) -> None:
    """I9: silence is no evidence, however long it lasts; nobody else is asked meanwhile."""
    async with new_world("mute", "card-b", max_resends=1) as world:
        world.banks["mute"].charge_script = [never() for _ in range(8)]
        checkout = await world.checkout()
        assert await world.run(checkout) == "succeeded"
        assert await world.statuses(checkout) == ["mute captured"]
        assert len(world.ledger(checkout)) == 1


async def test_a_gateway_that_never_tells_is_a_matter_for_a_person(new_world: NewWorld) -> None:
    """I15: in review with an alert, not in a guess."""
    async with new_world("mute", "card-b", unresolved_after=600) as world:
        world.banks["mute"].charge_script = [never() for _ in range(100)]
        checkout = await world.checkout()
        await world.start(checkout)
        await world.skip(timedelta(minutes=20))
        row = await world.row(checkout)
        assert (row.status, row.review_reason) == ("in_review", "unresolved_outcome")
        assert await world.statuses(checkout) == ["mute unknown"]
        assert world.ledger(checkout) == []
