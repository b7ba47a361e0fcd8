"""The paths whose histories are kept: how each is walked, by name."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import NamedTuple

from domain.decline import DeclineCategory
from domain.ids import attempt_id
from domain.outcome import PaymentStatus
from domain.switches import Switch
from tests.operators.freezing import Hand
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
    "frozen_then_thawed": Scenario(CARDS, frozen_then_thawed),
    "frozen_until_canceled": Scenario(CARDS, frozen_until_canceled),
    "frozen_failover": Scenario(CARDS, frozen_failover),
    "frozen_watcher": Scenario(MOBILE, frozen_watcher),
}
