"""Checkout Sessions: Stripe's own page. Source: https://docs.stripe.com/api/checkout/sessions

A failed try leaves the session open. The PaymentIntent is made at the first try (since version 2022-08-01).
"""

from typing import Final

from sandbox.clock import now
from sandbox.exchange import Answer, Call
from sandbox.stripe.errors import answer, conflict, invalid, missing
from sandbox.stripe.events import Events
from sandbox.stripe.identifiers import new_id
from sandbox.stripe.intents import CANCELABLE, Intents
from sandbox.stripe.models import NAME, PAID, Intent, IntentStatus, Session, SessionStatus
from sandbox.stripe.money import from_iso
from sandbox.stripe.parameters import ONLY_EXPAND, SESSION_CREATE, Parameters
from sandbox.stripe.reading import form_of, query_of, reference_in
from sandbox.stripe.terms import capture_method, checked, currency_in
from sandbox.stripe.views import Views
from sandbox.twist import twisted
from sandbox.world import World

EXPIRE: Final = "expire_session"
_SHORTEST, _LONGEST = 30 * 60, 24 * 3600
"""Seconds from creation to `expires_at`; the longest is the default."""


class Sessions:
    def __init__(self, world: World, intents: Intents, events: Events, views: Views) -> None:
        self._world = world
        self._intents = intents
        self._events = events
        self._views = views

    def create(self, call: Call) -> Answer:
        given = Parameters(form_of(call), SESSION_CREATE)
        mode = given.required("mode")
        if mode != "payment":
            raise invalid(f"The sandbox has no Checkout Sessions in {mode} mode.", param="mode")
        success_url = given.url("success_url")
        if success_url is None:
            raise invalid(
                "Missing required param: success_url.", code="parameter_missing", param="success_url"
            )
        amount, currency, title = _line_items(given)
        surplus, currency = twisted(call, 0, currency)
        moment = now()
        identifier = new_id("cs_test", 58)
        data = given.group("payment_intent_data")
        metadata, intent_metadata = given.metadata(), data.metadata()
        customer_reference = given.text("client_reference_id")
        session = Session(
            id=identifier,
            account=call.account,
            reference=reference_in(intent_metadata) or reference_in(dict(metadata), customer_reference),
            created=moment,
            amount_total=amount + from_iso(surplus, currency),
            currency=currency,
            url=f"{self._world.pages_url}/pay/stripe/checkout/{identifier}",
            success_url=success_url,
            cancel_url=given.url("cancel_url"),
            expires_at=_expiry(given, moment),
            client_reference_id=customer_reference,
            customer_email=given.text("customer_email"),
            title=title,
            metadata=metadata,
            payment_method_types=given.texts("payment_method_types") or ["card"],
            capture_method=capture_method(data),
            intent_metadata=intent_metadata,
            intent_description=data.text("description"),
            intent_statement_descriptor=data.text("statement_descriptor"),
            idempotency_key=call.idempotency_key,
        )
        self._world.objects.put(session)
        self._world.timers.set(NAME, EXPIRE, identifier, session.expires_at)
        return answer(self._views.render(session, given.texts("expand")))

    def retrieve(self, call: Call) -> Answer:
        given = Parameters(query_of(call), ONLY_EXPAND)
        return answer(self._views.render(self._session(call), given.texts("expand")))

    def expire(self, call: Call) -> Answer:
        given = Parameters(form_of(call), ONLY_EXPAND)
        session = self._session(call)
        if session.status is not SessionStatus.OPEN:
            raise conflict(
                'Only Checkout Sessions with a status in ["open"] can be expired. This Checkout Session has '
                f"a status of `{session.status}`.",
                "checkout_session_unexpected_state",
            )
        self.lapse(session)
        return answer(self._views.render(session, given.texts("expand")))

    def lapse(self, session: Session) -> None:
        """Close an open session: it can never be paid any more."""
        session.status = SessionStatus.EXPIRED
        self._world.objects.put(session)
        self._world.timers.clear(NAME, EXPIRE, session.id)
        intent = self.intent_of(session)
        if intent is not None and intent.status in CANCELABLE:
            self._intents.cancel(intent, "expired")
        self._events.emit("checkout.session.expired", session)

    def pay(self, session: Session, token: str) -> Intent:
        """The customer tries to pay an open session with this test card."""
        intent = self.intent_of(session) or self._new_intent(session)
        self._intents.attach(intent, token)
        self._intents.confirm(intent, off_session=False, refuse_action=False)
        session.parent = intent.id
        if intent.status in PAID:
            session.status = SessionStatus.COMPLETE
            session.payment_status = "paid" if intent.status is IntentStatus.SUCCEEDED else "unpaid"
            self._world.timers.clear(NAME, EXPIRE, session.id)
            self._world.objects.put(session)
            self._events.emit("checkout.session.completed", session, payment_id=intent.id)
        else:
            self._world.objects.put(session)
        return intent

    def intent_of(self, session: Session) -> Intent | None:
        return self._world.objects.get(Intent, session.parent) if session.parent else None

    def _new_intent(self, session: Session) -> Intent:
        identifier = new_id("pi")
        return Intent(
            id=identifier,
            account=session.account,
            reference=session.reference,
            created=now(),
            amount=session.amount_total,
            currency=session.currency,
            status=IntentStatus.REQUIRES_PAYMENT_METHOD,
            client_secret=f"{identifier}_secret_{new_id('x', 25)[2:]}",
            capture_method=session.capture_method,
            payment_method_types=session.payment_method_types,
            session=session.id,
            description=session.intent_description,
            statement_descriptor=session.intent_statement_descriptor,
            metadata=session.intent_metadata,
            idempotency_key=session.idempotency_key,
        )

    def _session(self, call: Call) -> Session:
        session = self._world.objects.get(Session, call.parts["id"], call.account)
        if session is None:
            raise missing("checkout.session", call.parts["id"], "session")
        return session


def _line_items(given: Parameters) -> tuple[int, str, str]:
    """(total, currency, what is bought). Only inline prices: the sandbox has no catalogue."""
    items = given.items("line_items")
    if not items:
        raise invalid("Missing required param: line_items.", code="parameter_missing", param="line_items")
    total, currencies, names = 0, set(), []
    for item in items:
        if item.text("price") is not None:
            raise missing("price", item.required("price"), "line_items[0][price]", 400)
        price = item.group("price_data")
        currencies.add(currency_in(price))
        unit = price.integer("unit_amount")
        quantity = item.integer("quantity")
        if unit is None:
            price.required("unit_amount")
        if unit is None or unit < 0 or (quantity is not None and quantity < 1):
            raise invalid("Invalid line item.", code="parameter_invalid_integer", param="line_items")
        total += unit * (1 if quantity is None else quantity)
        names.append(price.group("product_data").required("name"))
    if len(currencies) > 1:
        raise invalid("All line items must have the same currency.", param="line_items")
    currency = currencies.pop()
    checked(total, currency, "line_items")
    return total, currency, ", ".join(names)


def _expiry(given: Parameters, moment: float) -> int:
    expires_at = given.integer("expires_at")
    if expires_at is None:
        return int(moment) + _LONGEST
    if expires_at < moment + _SHORTEST - 1:
        raise invalid(
            "The `expires_at` timestamp must be at least 30 minutes from Checkout Session creation.",
            param="expires_at",
        )
    if expires_at > moment + _LONGEST + 1:
        raise invalid(
            "The `expires_at` timestamp must be less than 24 hours from Checkout Session creation.",
            param="expires_at",
        )
    return expires_at
