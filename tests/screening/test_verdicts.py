"""What follows from each verdict: through the real workflow, on a server whose time skips."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from temporalio.client import WorkflowHandle, WorkflowUpdateFailedError

from domain.decline import DeclineCategory
from domain.screening import ListEffect, ListKind
from storage import lists
from storage.events import timeline
from tests.workflow.conftest import NewWorld
from tests.workflow.plays import approve, decline, never
from tests.workflow.world import World
from workflows.checkout import Checkout
from workflows.messages import CancelCheckout, DecideReview, Decision

RISKY = {"ip": "185.220.101.1", "email": "x@mailinator.com"}
"""Tor, and a throw-away mailbox: 70 points, a review."""
TOR = {"ip": "185.220.101.1", "email": "customer@example.com"}
"""45 points, a challenge."""


async def block(world: World, kind: ListKind, value: str) -> None:
    async with world.database.transaction() as session:
        await lists.add(session, ListEffect.BLOCK, kind, value, actor="test", reason="to see")


async def allow(world: World, kind: ListKind, value: str) -> None:
    async with world.database.transaction() as session:
        await lists.add(session, ListEffect.ALLOW, kind, value, actor="test", reason="to see")


async def told_of(world: World, checkout: str) -> dict[str, Any]:
    async with world.database.transaction() as session:
        [event] = [row for row in await timeline(session, checkout) if row.kind == "checkout.screened"]
    return event.data


async def in_review(world: World, customer: dict[str, str] = RISKY) -> tuple[str, WorkflowHandle[Any, Any]]:
    checkout = await world.checkout(customer=customer)
    handle = await world.start(checkout)
    row = await world.until(checkout, "in_review")
    assert row.review_reason == "risk"
    return checkout, handle


async def decide(handle: WorkflowHandle[Any, Any], decision: Decision) -> None:
    await handle.execute_update(Checkout.decide_review, DecideReview(decision=decision))


async def test_nothing_speaks_against_a_customer(new_world: NewWorld) -> None:
    async with new_world("card-a") as world:
        checkout = await world.checkout()
        assert await world.run(checkout) == "succeeded"
        row = await world.row(checkout)
        assert row.screening == {"verdict": "allow", "score": 0, "reasons": [], "enforced": True}
        assert await world.told(checkout, "checkout.screened") == 0
        assert [request.challenge for request in world.banks["card-a"].charges] == [False]


async def test_a_challenge_is_asked_of_an_account_that_can(new_world: NewWorld) -> None:
    """Also by the account that is asked next: what was decided stays decided."""
    async with new_world("momo", "card-a", "card-b") as world:
        world.banks["card-a"].charge_script = [decline(DeclineCategory.SOFT)]
        checkout = await world.checkout(customer=TOR)
        assert await world.run(checkout) == "succeeded"
        assert await world.statuses(checkout) == ["card-a declined", "card-b captured"]
        for name in ("card-a", "card-b"):
            assert [request.challenge for request in world.banks[name].charges] == [True]
        routing = (await world.row(checkout)).routing
        assert routing is not None
        assert [(each["account"], each["reason"]) for each in routing["excluded"]] == [
            ("momo", "challenge_unsupported")
        ]
        assert await told_of(world, checkout) == {
            "verdict": "challenge",
            "score": 45,
            "reasons": ["address_tor"],
            "enforced": True,
        }


async def test_a_send_that_is_repeated_asks_for_the_challenge_again(new_world: NewWorld) -> None:
    """I8."""
    async with new_world("card-a") as world:
        world.banks["card-a"].charge_script = [never(), approve()]
        checkout = await world.checkout(customer=TOR)
        assert await world.run(checkout) == "succeeded"
        sent = world.banks["card-a"].charges
        assert len(sent) == 2
        assert sent[0] == sent[1]


async def test_a_challenge_that_no_account_can_ask_for_is_reviewed(new_world: NewWorld) -> None:
    async with new_world("momo") as world:
        checkout, handle = await in_review(world, TOR)
        await decide(handle, Decision.APPROVE)
        assert (await handle.result()).status == "succeeded"
        told = await told_of(world, checkout)
        assert (told["verdict"], told["reasons"]) == ("review", ["address_tor", "challenge_unavailable"])


async def test_a_review_waits_for_a_person_who_approves(new_world: NewWorld) -> None:
    async with new_world("card-a") as world:
        checkout, handle = await in_review(world)
        assert not world.banks["card-a"].charges
        assert await world.attempts(checkout) == []
        assert await world.alerts(checkout) == ["checkout.in_review.risk"]
        await decide(handle, Decision.APPROVE)
        assert (await handle.result()).status == "succeeded"
        assert (await world.row(checkout)).review_reason is None
        assert len(world.ledger(checkout)) == 1


async def test_a_review_that_a_person_declines_sends_nothing(new_world: NewWorld) -> None:
    async with new_world("card-a") as world:
        checkout, handle = await in_review(world)
        await decide(handle, Decision.DECLINE)
        assert (await handle.result()).status == "failed"
        await refused(world, checkout)


@pytest.mark.parametrize(("default", "end"), [("decline", "failed"), ("approve", "succeeded")])
async def test_a_review_that_nobody_decides_ends_by_its_deadline(
    new_world: NewWorld, default: str, end: str
) -> None:
    async with new_world("card-a", screening_review_default=default) as world:
        checkout, handle = await in_review(world)
        await world.skip(timedelta(minutes=59))
        assert (await world.row(checkout)).status == "in_review"
        assert (await handle.result()).status == end
        assert len(world.banks["card-a"].charges) == (end == "succeeded")


async def test_a_review_is_canceled(new_world: NewWorld) -> None:
    async with new_world("card-a") as world:
        checkout, handle = await in_review(world)
        result = await handle.execute_update(Checkout.cancel, CancelCheckout())
        assert (result.status, result.done) == ("canceled", True)
        assert (await handle.result()).status == "canceled"
        row = await world.row(checkout)
        assert (row.decline, row.review_reason) == (None, None)
        assert not world.banks["card-a"].charges


async def test_a_review_takes_only_what_answers_it(new_world: NewWorld) -> None:
    async with new_world("card-a") as world:
        _, handle = await in_review(world)
        for decision in (Decision.NOT_PAID, Decision.LOOK_AGAIN):
            with pytest.raises(WorkflowUpdateFailedError):
                await decide(handle, decision)
        await decide(handle, Decision.DECLINE)
        assert (await handle.result()).status == "failed"


async def test_a_run_that_begins_anew_after_approval_asks_nobody_again(new_world: NewWorld) -> None:
    """T3: what was sent is looked up, whatever screening said."""
    async with new_world("card-a") as world:
        world.banks["card-a"].charge_script = [never()]
        world.banks["card-a"].look_up_faults = 100_000
        checkout, handle = await in_review(world)
        await decide(handle, Decision.APPROVE)
        await world.until_told(checkout, "attempt.sent")
        await world.until_told(checkout, "attempt.unknown")
        await world.lose(handle)
        world.banks["card-a"].look_up_faults = 0
        assert await world.run(checkout) == "succeeded"
        assert await world.told(checkout, "checkout.in_review") == 1


async def refused(world: World, checkout: str) -> None:
    row = await world.row(checkout)
    assert row.decline is not None
    assert (row.decline["category"], row.decline["code"]) == ("fraud", "suspected_fraud")
    assert await world.attempts(checkout) == []
    assert not any(bank.charges for bank in world.banks.values())


async def test_what_is_blocked_fails_and_nothing_is_sent(new_world: NewWorld) -> None:
    async with new_world("card-a", "card-b") as world:
        await block(world, ListKind.DOMAIN, "blocked.example")
        checkout = await world.checkout(customer={"email": "ada@mail.blocked.example"})
        assert await world.run(checkout) == "failed"
        await refused(world, checkout)
        told = await told_of(world, checkout)
        assert (told["verdict"], told["score"], told["reasons"]) == ("block", 100, ["blocked"])


@pytest.mark.parametrize(
    ("kind", "value", "customer", "method"),
    [
        (ListKind.BIN, "506199", {}, {"bin": "50619912"}),
        (ListKind.IP, "198.18.7.0/24", {"ip": "198.18.7.9"}, {}),
        (ListKind.IP, "2a01:1::/32", {"ip": "2a01:1:2::1"}, {}),
        (ListKind.EMAIL, "eve@example.com", {"email": "Eve+9@Example.com"}, {}),
        (ListKind.COUNTRY, "AQ", {"country": "AQ"}, {}),
    ],
)
async def test_every_kind_of_entry_blocks(
    new_world: NewWorld, kind: ListKind, value: str, customer: dict[str, str], method: dict[str, str]
) -> None:
    async with new_world("card-a") as world:
        await block(world, kind, value)
        card = {"type": "card", "tokens": {"card-a": "tok_1"}, **method}
        checkout = await world.checkout(customer=customer, payment_method=card)
        assert await world.run(checkout) == "failed"
        await refused(world, checkout)


async def test_what_is_allowed_is_not_stopped(new_world: NewWorld) -> None:
    async with new_world("card-a") as world:
        await allow(world, ListKind.EMAIL, "partner@mailinator.com")
        checkout = await world.checkout(customer={**RISKY, "email": "partner@mailinator.com"})
        assert await world.run(checkout) == "succeeded"
        told = await told_of(world, checkout)
        assert (told["verdict"], told["score"]) == ("allow", 70)


async def test_a_dry_run_records_and_does_nothing(new_world: NewWorld) -> None:
    async with new_world("momo", "card-a", screening="dry_run") as world:
        await block(world, ListKind.EMAIL, "mallory@example.com")
        for customer, verdict in (
            (RISKY, "review"),
            (TOR, "challenge"),
            ({"email": "mallory@example.com"}, "block"),
        ):
            checkout = await world.checkout(customer=customer)
            assert await world.run(checkout) == "succeeded"
            told = await told_of(world, checkout)
            assert (told["verdict"], told["enforced"]) == (verdict, False)
        assert not any(request.challenge for request in world.banks["momo"].charges)


async def test_off_is_off(new_world: NewWorld) -> None:
    async with new_world("card-a", screening="off") as world:
        await block(world, ListKind.EMAIL, "trudy@example.com")
        checkout = await world.checkout(customer={**RISKY, "email": "trudy@example.com"})
        assert await world.run(checkout) == "succeeded"
        assert (await world.row(checkout)).screening is None


async def test_many_that_are_stopped_raise_one_alert(new_world: NewWorld, tmp_path: Path) -> None:
    file = tmp_path / "screening.json"
    file.write_text(json.dumps({"alert_after": 3}))
    async with new_world("card-a", screening_file=file) as world:
        await block(world, ListKind.DOMAIN, "burst.example")
        for number in range(5):
            checkout = await world.checkout(customer={"email": f"{number}@burst.example"})
            assert await world.run(checkout) == "failed"
            assert await world.alerts(world.merchant_id) == (["screening.burst"] if number >= 2 else [])


async def test_the_same_card_again_and_again(new_world: NewWorld) -> None:
    """Each merchant's traffic counts for itself."""
    async with new_world("card-a") as world:
        card = {"type": "card", "tokens": {"card-a": "tok_again"}}
        for _ in range(6):
            checkout = await world.checkout(customer={}, payment_method=card)
            assert await world.run(checkout) == "succeeded"
        await world.run(await world.checkout(customer={}, payment_method=card))
        assert [request.challenge for request in world.banks["card-a"].charges] == [False] * 6 + [True]


async def test_a_decline_that_another_account_overcomes_is_no_sign(new_world: NewWorld) -> None:
    async with new_world("card-a", "card-b") as world:
        card = {"type": "card", "tokens": {"card-a": "tok_a", "card-b": "tok_b"}}
        for _ in range(5):
            world.banks["card-a"].charge_script = [decline(DeclineCategory.SOFT)]
            checkout = await world.checkout(customer={}, payment_method=card)
            assert await world.run(checkout) == "succeeded"
        assert (await world.row(checkout)).screening == {
            "verdict": "allow",
            "score": 0,
            "reasons": [],
            "enforced": True,
        }
