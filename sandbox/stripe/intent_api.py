"""The PaymentIntent endpoints: read, change, show. Source: https://docs.stripe.com/api/payment_intents"""

from typing import Final

from sandbox.clock import now
from sandbox.exchange import Answer, Call
from sandbox.stripe.cards import CARDS, CardDecline
from sandbox.stripe.errors import answer, conflict, error_body, invalid, missing
from sandbox.stripe.identifiers import new_id
from sandbox.stripe.intents import CANCELABLE, CONFIRMABLE, Intents
from sandbox.stripe.models import Intent, IntentStatus
from sandbox.stripe.money import from_iso
from sandbox.stripe.parameters import (
    INTENT_CANCEL,
    INTENT_CAPTURE,
    INTENT_CONFIRM,
    INTENT_CREATE,
    INTENT_RETRIEVE,
    Parameters,
)
from sandbox.stripe.reading import form_of, query_of, reference_in
from sandbox.stripe.terms import capture_method, checked, money_in
from sandbox.stripe.views import Views
from sandbox.twist import twisted
from sandbox.world import World

_REASONS: Final = "duplicate fraudulent requested_by_customer abandoned"
_ONLY_WITH_CONFIRM: Final = (
    "return_url",
    "off_session",
    "error_on_requires_action",
    "mandate",
    "mandate_data",
)
_NEEDS_RETURN_URL: Final = (
    "This PaymentIntent is configured to accept payment methods enabled in your Dashboard. Because some of "
    "these payment methods might redirect your customer off of your page, you must provide a `return_url`. "
    "If you don't want to accept redirect-based payment methods, set `automatic_payment_methods[enabled]` to "
    "`true` and `automatic_payment_methods[allow_redirects]` to `never` when creating Setup Intents and "
    "Payment Intents."
)
_NO_METHOD: Final = (
    "You cannot confirm this PaymentIntent because it's missing a payment method. You can either update the "
    "PaymentIntent with a payment method and then confirm it again, or confirm it again directly with a "
    "payment method or ConfirmationToken."
)


class IntentApi:
    def __init__(self, world: World, intents: Intents, views: Views) -> None:
        self._world = world
        self._intents = intents
        self._views = views

    def create(self, call: Call) -> Answer:
        given = Parameters(form_of(call), INTENT_CREATE)
        confirm = given.boolean("confirm")
        if not confirm:
            for name in _ONLY_WITH_CONFIRM:
                if name in given:
                    raise invalid(
                        f"The parameter `{name}` cannot be passed when creating a PaymentIntent unless "
                        "`confirm` is set to true.",
                        param=name,
                    )
        amount, currency = money_in(given)
        amount, currency = _twisted(call, amount, currency)
        token = _token(given)
        types, automatic = _methods(given)
        identifier = new_id("pi")
        metadata = given.metadata()
        intent = Intent(
            id=identifier,
            account=call.account,
            reference=reference_in(metadata),
            created=now(),
            amount=amount,
            currency=currency,
            status=IntentStatus.REQUIRES_PAYMENT_METHOD,
            client_secret=f"{identifier}_secret_{new_id('x', 25)[2:]}",
            capture_method=capture_method(given),
            confirmation_method="manual" if given.text("confirmation_method") == "manual" else "automatic",
            payment_method_types=types,
            automatic_payment_methods=automatic,
            request_three_d_secure=_three_d_secure(given) or "automatic",
            description=given.text("description"),
            receipt_email=given.text("receipt_email"),
            customer=given.text("customer"),
            setup_future_usage=given.text("setup_future_usage"),
            statement_descriptor=given.text("statement_descriptor"),
            statement_descriptor_suffix=given.text("statement_descriptor_suffix"),
            metadata=metadata,
            return_url=given.url("return_url"),
            idempotency_key=call.idempotency_key,
        )
        if token is not None:
            self._intents.attach(intent, token)
        if confirm:
            return self._confirm(intent, given)
        self._world.objects.put(intent)
        return self._show(intent, given)

    def confirm(self, call: Call) -> Answer:
        given = Parameters(form_of(call), INTENT_CONFIRM)
        intent = self._intent(call)
        if intent.status not in CONFIRMABLE:
            raise self._unexpected(
                intent,
                f"This PaymentIntent's status is {intent.status.value}, but must be one of the following to "
                "be confirmed: requires_payment_method, requires_confirmation.",
            )
        token = _token(given)
        if token is not None:
            self._intents.attach(intent, token)
        if given.text("capture_method") is not None:
            intent.capture_method = capture_method(given)
        intent.request_three_d_secure = _three_d_secure(given) or intent.request_three_d_secure
        intent.return_url = given.url("return_url") or intent.return_url
        intent.idempotency_key = call.idempotency_key
        return self._confirm(intent, given)

    def retrieve(self, call: Call) -> Answer:
        return self._show(self._intent(call), Parameters(query_of(call), INTENT_RETRIEVE))

    def capture(self, call: Call) -> Answer:
        given = Parameters(form_of(call), INTENT_CAPTURE)
        intent = self._intent(call)
        if intent.status is not IntentStatus.REQUIRES_CAPTURE:
            raise self._unexpected(
                intent,
                f"This PaymentIntent could not be captured because it has a status of {intent.status.value}. "
                "Only a PaymentIntent with one of the following statuses may be captured: requires_capture.",
            )
        amount = given.integer("amount_to_capture")
        amount = intent.amount_capturable if amount is None else amount
        if not 0 < amount <= intent.amount_capturable:
            raise invalid(
                f"The amount to capture ({amount}) must be positive and no more than the capturable amount "
                f"({intent.amount_capturable}).",
                code="amount_too_large" if amount > 0 else "parameter_invalid_integer",
                param="amount_to_capture",
            )
        checked(amount, intent.currency, "amount_to_capture")
        intent.idempotency_key = call.idempotency_key
        intent.metadata |= given.metadata()
        self._intents.capture(intent, amount)
        return self._show(intent, given)

    def cancel(self, call: Call) -> Answer:
        given = Parameters(form_of(call), INTENT_CANCEL)
        intent = self._intent(call)
        reason = given.text("cancellation_reason", choices=_REASONS)
        if intent.session is not None and intent.status is not IntentStatus.REQUIRES_CAPTURE:
            raise conflict(
                "You cannot cancel this PaymentIntent because it was created by a Checkout Session. Expire "
                "the Checkout Session instead.",
                "payment_intent_unexpected_state",
                payment_intent=self._views.render(intent),
            )
        if intent.status not in CANCELABLE:
            raise self._unexpected(
                intent,
                f"You cannot cancel this PaymentIntent because it has a status of {intent.status.value}. "
                "Only a PaymentIntent with one of the following statuses may be canceled: "
                f"{', '.join(CANCELABLE)}.",
            )
        intent.idempotency_key = call.idempotency_key
        self._intents.cancel(intent, reason)
        return self._show(intent, given)

    def _confirm(self, intent: Intent, given: Parameters) -> Answer:
        if intent.method is None:
            raise conflict(
                _NO_METHOD, "payment_intent_unexpected_state", payment_intent=self._views.render(intent)
            )
        automatic = intent.automatic_payment_methods
        if automatic is not None and automatic["allow_redirects"] != "never" and intent.return_url is None:
            raise invalid(_NEEDS_RETURN_URL, param="return_url")
        declined = self._intents.confirm(
            intent,
            off_session=given.text("off_session") in ("true", "one_off", "recurring"),
            refuse_action=given.boolean("error_on_requires_action"),
        )
        if declined is not None:
            return self._declined(intent, declined)
        return self._show(intent, given)

    def _declined(self, intent: Intent, decline: CardDecline) -> Answer:
        """402 with the PaymentIntent inside: what happened is kept, unlike with a refusal."""
        error = intent.last_payment_error or {}
        more = {
            name: value for name, value in error.items() if name not in ("code", "doc_url", "message", "type")
        }
        body = error_body(
            "card_error",
            decline.message,
            decline.code,
            **more,
            payment_intent=self._views.render(intent),
        )
        return answer(body, 402)

    def _intent(self, call: Call) -> Intent:
        intent = self._world.objects.get(Intent, call.parts["id"], call.account)
        if intent is None:
            raise missing("payment_intent", call.parts["id"], "intent")
        return intent

    def _show(self, intent: Intent, given: Parameters) -> Answer:
        return answer(self._views.render(intent, given.texts("expand")))

    def _unexpected(self, intent: Intent, message: str) -> Exception:
        return conflict(message, "payment_intent_unexpected_state", payment_intent=self._views.render(intent))


def _twisted(call: Call, amount: int, currency: str) -> tuple[int, str]:
    """The same money unless a fault says otherwise; the fault's figures are ISO minor units."""
    other_amount, other_currency = twisted(call, 0, currency)
    return amount + from_iso(other_amount, currency), other_currency


def _token(given: Parameters) -> str | None:
    token = given.text("payment_method")
    if token is None:
        return None
    if token not in CARDS:
        raise missing("PaymentMethod", token, "payment_method", 400)
    return token


def _three_d_secure(given: Parameters) -> str | None:
    card = given.group("payment_method_options").group("card")
    return card.text("request_three_d_secure", choices="automatic any challenge")


def _methods(given: Parameters) -> tuple[list[str], dict[str, object] | None]:
    """Types, and the automatic_payment_methods that apply: on unless types are listed (since 2023-08-16)."""
    types = given.texts("payment_method_types")
    automatic = given.group("automatic_payment_methods")
    if types and automatic.boolean("enabled"):
        raise invalid(
            "You may only specify one of these parameters: automatic_payment_methods, payment_method_types.",
            param="payment_method_types",
        )
    if types or ("enabled" in automatic and not automatic.boolean("enabled")):
        return types or ["card"], None
    redirects = automatic.text("allow_redirects", choices="always never") or "always"
    return ["card"], {"allow_redirects": redirects, "enabled": True}
