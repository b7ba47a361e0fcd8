"""The paths whose histories are kept: how each is walked, by name."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import NamedTuple

from domain.decline import DeclineCategory
from domain.ids import attempt_id
from domain.outcome import PaymentStatus
from gateways.base import RefundStatus
from tests.workflow.bank import action, approve, decline, lost, never, not_sent, pending
from tests.workflow.world import World
from workflows.checkout import Checkout
from workflows.messages import CancelCheckout, CaptureCheckout, DecideReview, Decision


class Scenario(NamedTuple):
    accounts: tuple[str, ...]
    walk: Callable[[World], Awaitable[str]]
    """Walks the path to its end and returns the id of the workflow to keep."""


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


async def manual_capture(world: World) -> str:
    checkout = await world.checkout(capture_method="manual")
    handle = await world.start(checkout)
    await world.until(checkout, "requires_capture")
    await handle.execute_update(Checkout.capture, CaptureCheckout(amount=4_000))
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


async def expiry(world: World) -> str:
    world.banks["momo"].charge_script = [action(url=None, closable=False)]
    return await straight(world)


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
    world.faults.stall[4] = 1.0
    checkout = await world.checkout()
    handle = await world.start(checkout)
    await world.until_told(checkout, "attempt.declined")
    await world.become(attempt_id(checkout, 1), "captured")
    async with asyncio.timeout(20):
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
    "cancel_while_waiting": Scenario(CARDS, cancel_while_waiting),
    "expiry": Scenario(("momo",), expiry),
    "watcher_refunds": Scenario(MOBILE, watcher_refunds),
    "watcher_goes_on": Scenario(CARDS, watcher_goes_on),
    "watcher_adopts": Scenario(MOBILE, watcher_adopts),
    "review_resolved_by_itself": Scenario(MOBILE, review_resolved_by_itself),
    "blocked_then_next": Scenario(CARDS, blocked_then_next),
}
