"""Read a checkout, and wait until its row says more than `processing`."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import NamedTuple, TypeVar

from sqlmodel.ext.asyncio.session import AsyncSession

from api.services import Services
from domain.checkout import CheckoutStatus
from storage import attempts, checkouts, disputes, personal
from storage.personal import Person
from storage.tables import Attempt, Checkout, Dispute

_T = TypeVar("_T")

LOOK_AGAIN = 1.0
"""Seconds after which a waiter looks without being told: a notification may be lost."""


class Seen(NamedTuple):
    """A checkout with what belongs to it."""

    checkout: Checkout
    attempts: list[Attempt]
    disputes: list[Dispute]
    person: Person


async def read(parts: Services, checkout_id: str) -> Seen:
    """The checkout with its attempts and disputes, from one snapshot each. The row is known to exist."""
    async with parts.database.transaction() as session:
        checkout = await checkouts.get(session, checkout_id)
        assert checkout is not None  # noqa: S101  # checkouts are never deleted
        return await _with_the_rest(session, checkout)


async def _ended(parts: Services, checkout_id: str) -> Seen | None:
    """The checkout where it is no longer `processing`: of one that is, nothing more is read."""
    async with parts.database.transaction() as session:
        checkout = await checkouts.get(session, checkout_id)
        assert checkout is not None  # noqa: S101  # checkouts are never deleted
        if checkout.status == CheckoutStatus.PROCESSING:
            return None
        return await _with_the_rest(session, checkout)


async def _with_the_rest(session: AsyncSession, checkout: Checkout) -> Seen:
    made = await attempts.of_checkout(session, checkout.id)
    disputed = await disputes.of_checkout(session, checkout.id)
    return Seen(checkout, list(made), list(disputed), await personal.of(session, checkout))


async def settled(parts: Services, checkout_id: str, news: asyncio.Event, seconds: float) -> Seen:
    """The checkout once it is no longer `processing`, or as it is after so many seconds."""
    found = await until(lambda: _ended(parts, checkout_id), lambda found: found is not None, news, seconds)
    return found or await read(parts, checkout_id)


async def until(
    look: Callable[[], Awaitable[_T]], done: Callable[[_T], bool], news: asyncio.Event, seconds: float
) -> _T:
    """What `look` finds once it is `done`, or after so many seconds.

    `news` must have been subscribed before whatever is waited for was asked for.
    """
    deadline = asyncio.get_running_loop().time() + seconds
    while True:
        left = deadline - asyncio.get_running_loop().time()
        if left > 0:
            try:
                async with asyncio.timeout(min(left, LOOK_AGAIN)):
                    await news.wait()
            except TimeoutError:
                pass
        news.clear()
        found = await look()
        if left <= 0 or done(found):
            return found
