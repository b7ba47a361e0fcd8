"""Finding our payments at Stripe, by id or by the reference we left on them."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Any, Final

import stripe
from pydantic import JsonValue

from domain.outcome import GatewayPayment, NotSent, Unknown
from gateways.base import PaymentHandle
from gateways.stripe_client import Refused, StripeWire, ask
from gateways.stripe_objects import (
    REFERENCE,
    Page,
    PaymentIntent,
    Session,
    intent_payment,
    session_payment,
)
from gateways.stripe_requests import INTENT_DETAILS, SESSION_DETAILS

# Lists start a minute before the first send, for clocks differ, and end after a thousand objects of a kind.
_SKEW: Final = timedelta(seconds=60)
_PER_PAGE: Final = 100
_PAGES: Final = 10

_Fault = NotSent | Unknown
_List = Callable[[Any], Awaitable[stripe.StripeObject]]


class LookUp:
    """Reads only. A fault of any one call is a fault of the whole: half an answer proves nothing."""

    def __init__(self, wire: StripeWire) -> None:
        self._wire = wire

    async def payments(self, handle: PaymentHandle) -> tuple[GatewayPayment, ...] | _Fault:
        """Every payment of the attempt. An id that Stripe does not know falls back to the reference."""
        if handle.payment_id is not None:
            known = await self.payment(handle.payment_id)
            if isinstance(known, GatewayPayment):
                return (known,)
            if known is not None:
                return known
        return await self._by_reference(handle)

    async def payment(self, payment_id: str) -> GatewayPayment | _Fault | None:
        """The payment with this id (`pi_` or `cs_`) as it is now; None where Stripe knows none."""
        if payment_id.startswith("cs_"):
            session = await self._session(payment_id)
            return session if not isinstance(session, Session) else await self.settled(session)
        intent = await self._intent(payment_id)
        return intent_payment(intent) if isinstance(intent, PaymentIntent) else intent

    async def settled(self, session: Session) -> GatewayPayment | _Fault:
        """A page as a payment, asking for its PaymentIntent where Stripe sent only the id."""
        found = session_payment(session)
        if found is not None:
            return found
        intent = await self._intent(str(session.payment_intent))
        if isinstance(intent, PaymentIntent):
            found = session_payment(session.model_copy(update={"payment_intent": intent}))
        elif intent is not None:
            return intent
        return found or Unknown(detail="the page's payment cannot be read")

    async def page_of(self, intent_id: str) -> str | _Fault | None:
        """The page that made this PaymentIntent: only by closing that can it be closed. None: no page."""
        answer = await ask(self._wire.sessions.list_async({"payment_intent": intent_id, "limit": 1}), Page)
        if not isinstance(answer, Page):
            return _fault(answer)
        return str(answer.data[0].get("id")) if answer.data else None

    async def _by_reference(self, handle: PaymentHandle) -> tuple[GatewayPayment, ...] | _Fault:
        """Through the lists, which show what was just created, unlike Stripe's search, which lags by a minute
        and, in an outage, by more (docs.stripe.com/search#data-freshness). The search serves where a list is
        too long to be read to its end; what neither shows is then unknown, not absent.
        """
        intents, sessions = await asyncio.gather(
            self._listed(self._wire.intents.list_async, handle),
            self._listed(self._wire.sessions.list_async, handle),
        )
        if not isinstance(intents, _Listed):
            return intents
        if not isinstance(sessions, _Listed):
            return sessions
        ids = dict.fromkeys(intents.ids)
        if intents.cut_short:
            searched = await self._searched(handle.reference)
            if isinstance(searched, _Fault):
                return searched
            ids.update(dict.fromkeys(searched))
        pages: list[GatewayPayment] = []
        for session_id in sessions.ids:
            session = await self._session(session_id)
            if not isinstance(session, Session):
                return session or Unknown(detail="a listed page cannot be read")
            inside = session.payment_intent
            ids.pop(inside.id if isinstance(inside, PaymentIntent) else str(inside), None)
            page = await self.settled(session)
            if not isinstance(page, GatewayPayment):
                return page
            pages.append(page)
        for payment_id in ids:
            payment = await self.payment(payment_id)
            if not isinstance(payment, GatewayPayment):
                return payment or Unknown(detail="a listed payment cannot be read")
            pages.append(payment)
        if not pages and (intents.cut_short or sessions.cut_short):
            return Unknown(detail="more payments since then than can be listed")
        return tuple(pages)

    async def _listed(self, page_of: _List, handle: PaymentHandle) -> "_Listed | _Fault":
        params: dict[str, Any] = {
            "limit": _PER_PAGE,
            "created": {"gte": int((handle.sent_at - _SKEW).timestamp())},
        }
        listed = _Listed()
        for _ in range(_PAGES):
            page = await ask(page_of(params), Page)
            if not isinstance(page, Page):
                return _fault(page)
            listed.add(page, handle.reference)
            if not page.has_more or not page.data:
                return listed
            params = {**params, "starting_after": str(page.data[-1].get("id"))}
        listed.cut_short = True
        return listed

    async def _searched(self, reference: str) -> list[str] | _Fault:
        quoted = reference.replace("\\", "\\\\").replace('"', '\\"')
        query = f'metadata["{REFERENCE}"]:"{quoted}"'
        answer = await ask(self._wire.intents.search_async({"query": query, "limit": _PER_PAGE}), Page)
        if isinstance(answer, Page):
            return [str(item.get("id")) for item in answer.data]
        # Some accounts have no search (docs.stripe.com/search): the lists alone must do.
        return [] if isinstance(answer, Refused) else answer

    async def _intent(self, payment_id: str) -> PaymentIntent | _Fault | None:
        call = self._wire.intents.retrieve_async(payment_id, {"expand": INTENT_DETAILS})
        answer = await ask(call, PaymentIntent)
        return answer if isinstance(answer, PaymentIntent) else _absent(answer)

    async def _session(self, session_id: str) -> Session | _Fault | None:
        call = self._wire.sessions.retrieve_async(session_id, {"expand": SESSION_DETAILS})
        answer = await ask(call, Session)
        return answer if isinstance(answer, Session) else _absent(answer)


class _Listed:
    """Ids of our objects in a list, and whether its end was reached."""

    def __init__(self) -> None:
        self.ids: list[str] = []
        self.cut_short = False

    def add(self, page: Page, reference: str) -> None:
        self.ids += [str(item.get("id")) for item in page.data if _refers(item, reference)]


def _refers(item: Mapping[str, JsonValue], reference: str) -> bool:
    metadata = item.get("metadata")
    named = metadata.get(REFERENCE) if isinstance(metadata, dict) else None
    return reference in (named, item.get("client_reference_id"))


def _absent(answer: Refused | _Fault) -> _Fault | None:
    if isinstance(answer, Refused) and answer.status == 404:
        return None
    return _fault(answer)


def _fault(answer: Refused | _Fault) -> _Fault:
    """A read that is refused tells nothing about the payment."""
    if isinstance(answer, Refused):
        return Unknown(detail=f"look-up refused with {answer.status}")
    return answer
