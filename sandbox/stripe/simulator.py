"""Stripe, put together: endpoints, door, idempotency, what customers and time do."""

from typing import Any

from sandbox.exchange import Answer, Call, NothingToSettle, Perform, Refusal, Simulator, endpoint
from sandbox.stripe.accounts import account_of, key_given
from sandbox.stripe.disputes import Disputes
from sandbox.stripe.errors import answer, error_body, missing
from sandbox.stripe.events import SIGNER, Events
from sandbox.stripe.form import BadForm, decode
from sandbox.stripe.idempotency import IdempotencyLayer
from sandbox.stripe.intent_api import IntentApi
from sandbox.stripe.intents import Intents
from sandbox.stripe.lookups import Lookups, listed
from sandbox.stripe.models import NAME, Charge, Intent, IntentStatus, Refund, Session, SessionStatus
from sandbox.stripe.reading import reference_sent
from sandbox.stripe.refunds import SETTLE, Refunds
from sandbox.stripe.sessions import EXPIRE, Sessions
from sandbox.stripe.views import Views
from sandbox.vocabulary import CustomerOutcome, DisputeOutcome, Operation
from sandbox.webhooks import Signer
from sandbox.world import World

PAYS_WITH = "pm_card_visa"
FAILS_WITH = "pm_card_chargeDeclined"


class Stripe(Simulator):
    name = NAME
    base_path = "/stripe"

    def __init__(self, world: World) -> None:
        views = Views(world.objects)
        events = Events(world, views)
        self._world = world
        self._idempotency = IdempotencyLayer(world.database)
        self.intents = Intents(world, events)
        self.sessions = Sessions(world, self.intents, events, views)
        self._disputes = Disputes(world, events)
        self._refunds = Refunds(world, events, views, self._disputes)
        api = IntentApi(world, self.intents, views)
        lookups = Lookups(world, views)
        intent, session = "/v1/payment_intents", "/v1/checkout/sessions"
        self.endpoints = (
            endpoint("POST", intent, Operation.CHARGE, api.create),
            endpoint("GET", intent, Operation.LOOKUP, lookups.intents),
            endpoint("GET", f"{intent}/search", Operation.LOOKUP, lookups.search),
            endpoint("GET", f"{intent}/{{id}}", Operation.LOOKUP, api.retrieve),
            endpoint("POST", f"{intent}/{{id}}/confirm", Operation.CHARGE, api.confirm),
            endpoint("POST", f"{intent}/{{id}}/capture", Operation.CAPTURE, api.capture),
            endpoint("POST", f"{intent}/{{id}}/cancel", Operation.CANCEL, api.cancel),
            endpoint("POST", "/v1/refunds", Operation.REFUND, self._refunds.create),
            endpoint("GET", "/v1/refunds", Operation.LOOKUP, lookups.refunds),
            endpoint("GET", "/v1/refunds/{id}", Operation.LOOKUP, self._refunds.retrieve),
            endpoint("POST", session, Operation.CHARGE, self.sessions.create),
            endpoint("GET", session, Operation.LOOKUP, lookups.sessions),
            endpoint("GET", f"{session}/{{id}}", Operation.LOOKUP, self.sessions.retrieve),
            endpoint("POST", f"{session}/{{id}}/expire", Operation.CANCEL, self.sessions.expire),
            endpoint("GET", "/v1/disputes", Operation.LOOKUP, lookups.disputes),
            endpoint("GET", "/v1/disputes/{id}", Operation.LOOKUP, lookups.dispute),
            endpoint("GET", "/v1/charges", Operation.LOOKUP, lookups.charges),
            endpoint("GET", "/v1/charges/{id}", Operation.LOOKUP, lookups.charge),
            endpoint("GET", "/v1/events", Operation.LOOKUP, lookups.events),
            endpoint("GET", "/v1/events/{id}", Operation.LOOKUP, lookups.event),
        )

    @property
    def signer(self) -> Signer:
        return SIGNER

    def account_of(self, call: Call) -> str | None:
        return account_of(key_given(call.headers))

    def reference_of(self, call: Call) -> str | None:
        named = self._named(call)
        for model in (Intent, Session, Refund, Charge) if named else ():
            item = self._world.objects.get(model, named or "")
            if item is not None:
                return item.reference
        return reference_sent(call)

    async def guarded(self, call: Call, perform: Perform) -> Answer:
        return await self._idempotency.guarded(call, perform)

    def unauthorized(self, call: Call) -> Answer:
        key = key_given(call.headers)
        if key is None:
            message = (
                "You did not provide an API key. You need to provide your API key in the Authorization "
                "header, using Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY')."
            )
        else:
            message = f"Invalid API Key provided: {key[:8]}{'*' * 8}{key[-4:]}"
        return answer(error_body("invalid_request_error", message), 401)

    def rate_limited(self, call: Call) -> Answer:  # noqa: ARG002
        message = (
            "Too many requests hit the API too quickly. We recommend an exponential backoff of your requests."
        )
        return answer(
            error_body("invalid_request_error", message, "rate_limit"),
            429,
            {"Retry-After": "1", "Stripe-Should-Retry": "true"},
        )

    def server_error(self, call: Call) -> Answer:  # noqa: ARG002
        message = "Sorry! There was an error while talking to one of our backends. Support has been notified."
        return answer(error_body("api_error", message), 500)

    def not_found(self, call: Call) -> Answer:
        if call.path.endswith("/search"):
            empty: dict[str, Any] = {
                **listed(call.path, [], False),
                "object": "search_result",
                "next_page": None,
            }
            return answer(empty)
        if "id" not in call.parts:
            return answer(listed(call.path, [], False))
        refusal: Refusal = missing("payment_intent", call.parts["id"], "intent")
        return refusal.answer

    def no_such_path(self, call: Call) -> Answer:
        message = f"Unrecognized request URL ({call.method}: {call.path}). Please see https://stripe.com/docs"
        return answer(error_body("invalid_request_error", message), 404)

    def settle(self, payment_id: str, outcome: CustomerOutcome) -> str | None:
        """By the id of a PaymentIntent or a Checkout Session, or by our reference."""
        objects = self._world.objects
        session = objects.get(Session, payment_id) or next(
            reversed(objects.of_reference(Session, payment_id)), None
        )
        if session is not None:
            if session.status is not SessionStatus.OPEN:
                raise NothingToSettle(f"the session is {session.status}")
            if outcome is not CustomerOutcome.ABANDONED:
                self.sessions.pay(session, PAYS_WITH if outcome is CustomerOutcome.PAID else FAILS_WITH)
            return session.status.value
        intent = objects.get(Intent, payment_id) or next(
            reversed(objects.of_reference(Intent, payment_id)), None
        )
        if intent is None:
            return None
        if intent.status is not IntentStatus.REQUIRES_ACTION:
            raise NothingToSettle(f"the PaymentIntent is {intent.status}")
        match outcome:
            case CustomerOutcome.PAID:
                self.intents.pass_challenge(intent)
            case CustomerOutcome.FAILED:
                self.intents.fail_challenge(intent)
            case CustomerOutcome.ABANDONED:
                pass
        return intent.status.value

    def dispute(self, payment_id: str, reason: str, outcome: DisputeOutcome) -> dict[str, Any] | None:
        return self._disputes.act(payment_id, reason, outcome)

    def on_timer(self, action: str, subject: str) -> None:
        if action == EXPIRE:
            session = self._world.objects.get(Session, subject)
            if session is not None and session.status is SessionStatus.OPEN:
                self.sessions.lapse(session)
        elif action == SETTLE:
            refund = self._world.objects.get(Refund, subject)
            if refund is not None:
                self._refunds.settle(refund)
        else:
            raise ValueError(action)

    def _named(self, call: Call) -> str | None:
        """The id of the object that a request names, in its path or as what a refund is for."""
        if "id" in call.parts:
            return call.parts["id"]
        if call.operation not in (Operation.REFUND, Operation.LOOKUP):
            return None
        try:
            form = decode(call.query or call.body.decode("utf-8", "replace"))
        except (BadForm, ValueError):
            return None
        value = form.get("payment_intent") or form.get("charge")
        return value if isinstance(value, str) else None
