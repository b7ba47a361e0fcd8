"""Get past a failure that Stripe keeps under an idempotency key.

Stripe keeps the first answer to a key and repeats it for as long as it knows the key, "including 500 errors"
(docs.stripe.com/api/idempotent_requests). A key whose answer is a failure can never succeed any more, and
sending it again for a day helps nobody. But a repeated answer, marked `Idempotent-Replayed`, also says that
the request is over: what a look-up shows afterwards is what it has done. So a capture, void or refund goes
on under the next key, always in the same order of keys, and only where the look-up shows no effect.

Never for charges: what is unclear there is looked up until it is found or the quiet period is over.
"""

from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

import stripe
from pydantic import BaseModel

from domain.outcome import NotSent, Unknown
from gateways.stripe_client import Refused, StoredFailure, ask

_KEYS: Final = 5
"""How many keys one operation may use up; Stripe would have to fail on each of them."""

_Object = TypeVar("_Object", bound=BaseModel)
_Known = TypeVar("_Known")


async def nothing_known() -> None:
    """For operations that Stripe itself does once only: the next key finds them done."""
    return


async def past_stored_failures(
    key: str,
    call: Callable[[str], Awaitable[stripe.StripeObject]],
    read: type[_Object],
    look: Callable[[], Awaitable[_Known | None]],
) -> _Object | _Known | Refused | NotSent | Unknown:
    """`call` with the first of the operation's keys that Stripe has no failure under.

    `look` says what the operation is known to have done; None: nothing.
    """
    answer = await ask(call(key), read)
    for number in range(2, _KEYS + 1):
        if not isinstance(answer, StoredFailure):
            break
        known = await look()
        if known is not None:
            return known
        answer = await ask(call(f"{key}:{number}"), read)
    return answer
