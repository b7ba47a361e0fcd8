"""The paths whose histories are kept: how each is walked, by name."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, NamedTuple

from temporalio.client import WorkflowHandle, WorkflowUpdateStage

from domain.decline import DeclineCategory
from domain.ids import attempt_id
from domain.outcome import PaymentStatus
from domain.screening import ListEffect, ListKind
from domain.switches import Switch
from gateways.base import RefundStatus
from storage import lists
from tests.operators.freezing import Hand
from tests.patience import PATIENCE
from tests.replay.afterwards import (
    dispute_scan,
    dispute_won,
    reconciled,
    reconciled_all,
    refund_check,
    refund_continued,
    refund_continued_as_new,
    refund_pending_then_succeeded,
)
from tests.workflow.plays import action, approve, decline, lost, never, not_sent, pending
from tests.workflow.world import AMOUNT, World
from workflows.checkout import Checkout
from workflows.messages import (
    CancelCheckout,
    CaptureCheckout,
    ChooseNext,
    DecideReview,
    Decision,
)


class Scenario(NamedTuple):
    accounts: tuple[str, ...]
    walk: Callable[[World], Awaitable[str | tuple[str, str]]]
    """Walks the path to its end and returns the id of the workflow to keep, or that and the run's."""


async def straight(world: World) -> str:
    checkout = await world.checkout()
    await world.run(checkout)
    return f"checkout/{checkout}"


async def soft_decline_then_next(world: World) -> str:
    world.banks["card-a"].charge_script = [decline(DeclineCategory.SOFT)]
    return await straight(world)


async def not_reached_then_next(world: World) -> str:
    world.banks["card-a"].charge_script = [not_sent(), not_sent()]
    return await straight(world)


async def page_after_decline(world: World) -> str:
    world.banks["card-a"].charge_script = [decline(DeclineCategory.CUSTOMER), approve()]
    checkout = await world.checkout(allow_redirect=True)
    await world.run(checkout)
    return f"checkout/{checkout}"


async def action_and_webhook(world: World) -> str:
    world.banks["card-a"].charge_script = [action()]
    checkout = await world.checkout()
    handle = await world.start(checkout)
    await world.until(checkout, "requires_action")
    world.banks["card-a"].settle(attempt_id(checkout, 1), PaymentStatus.CAPTURED)
    await world.news(handle, checkout)
    await handle.result()
    return handle.id


async def unknown_then_found(world: World) -> str:
    world.banks["momo"].charge_script = [lost(approve())]
    return await straight(world)


async def unknown_then_resent(world: World) -> str:
    world.banks["card-a"].charge_script = [never()]
    return await straight(world)


async def not_found_then_next(world: World) -> str:
    world.banks["momo"].charge_script = [never()]
    return await straight(world)


async def review_and_decision(world: World) -> str:
    world.banks["momo"].charge_script = [pending()]
    checkout = await world.checkout()
    handle = await world.start(checkout)
    await world.skip(timedelta(minutes=45))
    await handle.execute_update(Checkout.decide_review, DecideReview(decision=Decision.LOOK_AGAIN))
    await handle.execute_update(Checkout.decide_review, DecideReview(decision=Decision.NOT_PAID))
    await handle.result()
    return handle.id


async def _held_back(world: World) -> tuple[str, WorkflowHandle[Any, Any]]:
    """Screening wants a person to be asked."""
    checkout = await world.checkout(customer={"ip": "185.220.101.1", "email": "x@mailinator.com"})
    handle = await world.start(checkout)
    await world.until(checkout, "in_review")
    return checkout, handle


async def risk_approved(world: World) -> str:
    _, handle = await _held_back(world)
    await handle.execute_update(Checkout.decide_review, DecideReview(decision=Decision.APPROVE))
    await handle.result()
    return handle.id


async def risk_declined(world: World) -> str:
    _, handle = await _held_back(world)
    await handle.execute_update(Checkout.decide_review, DecideReview(decision=Decision.DECLINE))
    await handle.result()
    return handle.id


async def risk_canceled(world: World) -> str:
    _, handle = await _held_back(world)
    await handle.execute_update(Checkout.cancel, CancelCheckout())
    await handle.result()
    return handle.id


async def risk_undecided(world: World) -> str:
    _, handle = await _held_back(world)
    await handle.result()
    return handle.id


async def risk_blocked(world: World) -> str:
    async with world.database.transaction() as session:
        await lists.add(
            session, ListEffect.BLOCK, ListKind.EMAIL, "mallory@shop.test", actor="test", reason="to record"
        )
    checkout = await world.checkout(customer={"email": "mallory@shop.test"})
    await world.run(checkout)
    return f"checkout/{checkout}"


async def risk_challenged(world: World) -> str:
    checkout = await world.checkout(customer={"ip": "185.220.101.1"})
    await world.run(checkout)
    return f"checkout/{checkout}"


async def manual_capture(world: World) -> str:
    checkout = await world.checkout(capture_method="manual")
    handle = await world.start(checkout)
    await world.until(checkout, "requires_capture")
    await handle.execute_update(Checkout.capture, CaptureCheckout(amount=4_000))
    await handle.result()
    return handle.id


async def capture_before_known(world: World) -> str:
    """Accepted before the run has heard that the payment is authorized."""
    world.banks["card-a"].charge_script = [lost(approve())]
    checkout = await world.checkout(capture_method="manual")
    handle = await world.start(checkout)
    await world.until_told(checkout, "attempt.unknown")
    await handle.start_update(
        Checkout.capture, CaptureCheckout(amount=4_000), wait_for_stage=WorkflowUpdateStage.ACCEPTED
    )
    await handle.result()
    return handle.id


async def cancel_while_waiting(world: World) -> str:
    world.banks["card-a"].charge_script = [action()]
    checkout = await world.checkout()
    handle = await world.start(checkout)
    await world.until(checkout, "requires_action")
    await handle.execute_update(Checkout.cancel, CancelCheckout())
    await handle.result()
    return handle.id


async def page_canceled_unclear(world: World) -> str:
    """The link was lost with the answer: asked for again, and closed."""
    world.banks["mute"].charge_script = [lost(action())]
    checkout = await world.checkout(payment_method={"type": "hosted"})
    handle = await world.start(checkout)
    await world.until_told(checkout, "attempt.unknown")
    await handle.start_update(Checkout.cancel, CancelCheckout(), wait_for_stage=WorkflowUpdateStage.ACCEPTED)
    await handle.result()
    return handle.id


async def page_lost(world: World) -> str:
    """The link was lost with the answer, and the gateway goes on waiting for somebody to pay."""
    world.banks["momo"].charge_script = [lost(pending())]
    checkout = await world.checkout(payment_method={"type": "hosted"})
    await world.run(checkout)
    return f"checkout/{checkout}"


async def canceled_then_lost(world: World) -> str:
    """The run that recovery starts instead of the lost one."""
    world.banks["card-a"].charge_script = [decline(DeclineCategory.SOFT)]
    world.banks["card-b"].charge_script = [action()]
    checkout = await world.checkout()
    handle = await world.start(checkout)
    await world.until(checkout, "requires_action")
    await world.lose(handle)
    await world.run(checkout, canceled=True)
    return handle.id


async def capturing_then_lost(world: World) -> str:
    """The run that recovery starts while it is not known what came of the capture."""
    checkout = await world.checkout(capture_method="manual")
    handle = await world.start(checkout)
    await world.until(checkout, "requires_capture")
    await world.lose(handle)
    await world.run(checkout, capturing=AMOUNT)
    return handle.id


async def chosen_while_waiting(world: World) -> str:
    world.banks["card-a"].charge_script = [action()]
    checkout = await world.checkout()
    handle = await world.start(checkout)
    await world.until(checkout, "requires_action")
    await handle.execute_update(Checkout.choose_next, ChooseNext(account="card-b", close_page=True))
    await handle.result()
    return handle.id


async def expiry(world: World) -> str:
    world.banks["momo"].charge_script = [action(url=None, closable=False)]
    return await straight(world)


async def frozen_then_thawed(world: World) -> str:
    hand = Hand(world.database)
    await hand.freeze(Switch.CHARGES)
    checkout = await world.checkout()
    handle = await world.start(checkout)
    await world.skip(timedelta(seconds=10))
    await hand.thaw(Switch.CHARGES)
    await handle.result()
    return handle.id


async def frozen_until_canceled(world: World) -> str:
    hand = Hand(world.database)
    await hand.freeze(Switch.CHARGES)
    checkout = await world.checkout()
    handle = await world.start(checkout)
    await world.skip(timedelta(seconds=10))
    await handle.execute_update(Checkout.cancel, CancelCheckout())
    await handle.result()
    await hand.thaw(Switch.CHARGES)
    return handle.id


async def frozen_failover(world: World) -> str:
    hand = Hand(world.database)
    await hand.freeze(Switch.FAILOVER)
    kept = await soft_decline_then_next(world)
    await hand.thaw(Switch.FAILOVER)
    return kept


async def frozen_watcher(world: World) -> str:
    hand = Hand(world.database)
    world.banks["momo"].charge_script = [never()]
    checkout = await world.checkout()
    await world.run(checkout)
    await hand.freeze(Switch.COMPENSATION)
    world.banks["momo"].appear(attempt_id(checkout, 1), 12_500, "NGN")
    await world.skip(timedelta(minutes=40))
    await hand.thaw(Switch.COMPENSATION)
    await world.compensated(checkout)
    return world.watcher(checkout).id


async def watcher_refunds(world: World) -> str:
    world.banks["momo"].charge_script = [never()]
    checkout = await world.checkout()
    await world.run(checkout)
    await world.skip(timedelta(minutes=30))
    world.banks["momo"].appear(attempt_id(checkout, 1), 12_500, "NGN")
    await world.compensated(checkout)
    return world.watcher(checkout).id


async def watcher_goes_on(world: World) -> str:
    """A refund that stays pending: the run that began anew."""
    world.banks["card-a"].charge_script = [never(), never(), never()]
    checkout = await world.checkout()
    await world.run(checkout)
    world.banks["card-a"].refund_status = RefundStatus.PENDING
    world.banks["card-a"].appear(attempt_id(checkout, 1), 12_500, "NGN")
    for _ in range(4):
        await world.skip(timedelta(days=10))
    world.banks["card-a"].decide_refunds(attempt_id(checkout, 1), RefundStatus.SUCCEEDED)
    await world.compensated(checkout)
    return world.watcher(checkout).id


async def review_resolved_by_itself(world: World) -> str:
    world.banks["momo"].charge_script = [never()]
    world.banks["momo"].look_up_faults = 100_000
    checkout = await world.checkout()
    handle = await world.start(checkout)
    await world.skip(timedelta(minutes=45))
    world.banks["momo"].look_up_faults = 0
    await handle.result()
    return handle.id


async def blocked_then_next(world: World) -> str:
    """An attempt that was declined turns out to hold money until it is given back."""
    world.banks["card-a"].charge_script = [decline(DeclineCategory.SOFT)]
    told = world.faults.held[4] = asyncio.Event()
    checkout = await world.checkout()
    handle = await world.start(checkout)
    await world.until_told(checkout, "attempt.declined")
    await world.become(attempt_id(checkout, 1), "captured")
    told.set()
    async with asyncio.timeout(PATIENCE):
        while not await world.alerts(attempt_id(checkout, 2)):  # noqa: ASYNC110 - a worker writes it
            await asyncio.sleep(0.05)
    await world.become(attempt_id(checkout, 1), "refunded")
    await handle.result()
    return handle.id


async def watcher_adopts(world: World) -> str:
    """Late money is the checkout's own by the time its watcher looks."""
    world.banks["momo"].charge_script = [lost(approve())]
    checkout = await world.checkout()
    await world.run(checkout)
    watch = await world.watch(checkout, account="momo")
    await watch.result()
    return watch.id


CARDS = ("card-a", "card-b")
MOBILE = ("momo", "card-b")
SCENARIOS = {
    "straight": Scenario(CARDS, straight),
    "soft_decline_then_next": Scenario(CARDS, soft_decline_then_next),
    "not_reached_then_next": Scenario(CARDS, not_reached_then_next),
    "page_after_decline": Scenario(CARDS, page_after_decline),
    "action_and_webhook": Scenario(CARDS, action_and_webhook),
    "unknown_then_found": Scenario(MOBILE, unknown_then_found),
    "unknown_then_resent": Scenario(CARDS, unknown_then_resent),
    "not_found_then_next": Scenario(MOBILE, not_found_then_next),
    "review_and_decision": Scenario(MOBILE, review_and_decision),
    "manual_capture": Scenario(CARDS, manual_capture),
    "capture_before_known": Scenario(CARDS, capture_before_known),
    "risk_approved": Scenario(CARDS, risk_approved),
    "risk_declined": Scenario(CARDS, risk_declined),
    "risk_canceled": Scenario(CARDS, risk_canceled),
    "risk_undecided": Scenario(CARDS, risk_undecided),
    "risk_blocked": Scenario(CARDS, risk_blocked),
    "risk_challenged": Scenario(CARDS, risk_challenged),
    "cancel_while_waiting": Scenario(CARDS, cancel_while_waiting),
    "page_canceled_unclear": Scenario(("mute",), page_canceled_unclear),
    "page_lost": Scenario(("momo",), page_lost),
    "canceled_then_lost": Scenario(CARDS, canceled_then_lost),
    "capturing_then_lost": Scenario(CARDS, capturing_then_lost),
    "chosen_while_waiting": Scenario(CARDS, chosen_while_waiting),
    "expiry": Scenario(("momo",), expiry),
    "watcher_refunds": Scenario(MOBILE, watcher_refunds),
    "watcher_goes_on": Scenario(CARDS, watcher_goes_on),
    "watcher_adopts": Scenario(MOBILE, watcher_adopts),
    "review_resolved_by_itself": Scenario(MOBILE, review_resolved_by_itself),
    "blocked_then_next": Scenario(CARDS, blocked_then_next),
    "reconciled": Scenario(MOBILE, reconciled),
    "reconciled_all": Scenario(CARDS, reconciled_all),
    "refund_pending_then_succeeded": Scenario(("card-a",), refund_pending_then_succeeded),
    "refund_continued_as_new": Scenario(("card-a",), refund_continued_as_new),
    "refund_continued": Scenario(("card-a",), refund_continued),
    "dispute_won": Scenario(("card-a",), dispute_won),
    "refund_check": Scenario(("card-a",), refund_check),
    "dispute_scan": Scenario(("card-a",), dispute_scan),
    "frozen_then_thawed": Scenario(CARDS, frozen_then_thawed),
    "frozen_until_canceled": Scenario(CARDS, frozen_until_canceled),
    "frozen_failover": Scenario(CARDS, frozen_failover),
    "frozen_watcher": Scenario(MOBILE, frozen_watcher),
}
