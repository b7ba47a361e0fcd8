"""The life of a PaymentIntent: every change of state, with its ledger rows and its events.

Source: https://docs.stripe.com/payments/paymentintents/lifecycle
"""

from typing import Any, Final

from sandbox.clock import now
from sandbox.stripe.cards import AUTHENTICATION_REQUIRED, CARDS, CardDecline, Challenge, TestCard
from sandbox.stripe.errors import error_body
from sandbox.stripe.events import Events
from sandbox.stripe.identifiers import new_id
from sandbox.stripe.models import NAME, Charge, Intent, IntentStatus, Method, Session
from sandbox.stripe.money import to_iso
from sandbox.stripe.views import payment_method
from sandbox.vocabulary import LedgerKind
from sandbox.world import World

CANCELABLE: Final = (
    IntentStatus.REQUIRES_PAYMENT_METHOD,
    IntentStatus.REQUIRES_CAPTURE,
    IntentStatus.REQUIRES_CONFIRMATION,
    IntentStatus.REQUIRES_ACTION,
)
CONFIRMABLE: Final = (IntentStatus.REQUIRES_PAYMENT_METHOD, IntentStatus.REQUIRES_CONFIRMATION)
_AUTHENTICATION_FAILURE: Final = (
    "The provided PaymentMethod has failed authentication. You can provide payment_method_data or a new "
    "PaymentMethod to attempt to fulfill this PaymentIntent again."
)


class Intents:
    """All methods run inside the caller's transaction and save what they change."""

    def __init__(self, world: World, events: Events) -> None:
        self._world = world
        self._events = events

    def attach(self, intent: Intent, token: str) -> None:
        """Give it a payment method; the caller has checked that the token exists."""
        intent.method = Method(id=new_id("pm"), token=token)
        intent.status = IntentStatus.REQUIRES_CONFIRMATION

    def confirm(self, intent: Intent, *, off_session: bool, refuse_action: bool) -> CardDecline | None:
        """Try to take the money. Returns the issuer's no, if it was one.

        `refuse_action`: the caller cannot show a challenge, so needing one is a decline.
        """
        card = CARDS[intent.attached.token]
        if _challenged(card, intent.request_three_d_secure, off_session):
            if off_session or refuse_action:
                return self._fail(intent, AUTHENTICATION_REQUIRED)
            intent.status = IntentStatus.REQUIRES_ACTION
            intent.challenge_url = f"{self._world.pages_url}/pay/stripe/challenge/{intent.id}"
            intent.last_payment_error = None
            self._save(intent)
            self._events.emit("payment_intent.requires_action", intent)
            return None
        return self._ask_issuer(intent, card, authenticated=False)

    def pass_challenge(self, intent: Intent) -> CardDecline | None:
        """The customer has authenticated: now the issuer decides."""
        return self._ask_issuer(intent, CARDS[intent.attached.token], authenticated=True)

    def fail_challenge(self, intent: Intent) -> None:
        """The customer has failed to authenticate: another payment method is needed."""
        error = error_body(
            "invalid_request_error",
            _AUTHENTICATION_FAILURE,
            "payment_intent_authentication_failure",
            payment_method=payment_method(intent.attached, intent.created),
        )["error"]
        self._back_to_start(intent, error)
        self._record(intent, LedgerKind.DECLINE, intent.amount)
        self._events.emit("payment_intent.payment_failed", intent)

    def capture(self, intent: Intent, amount: int) -> Charge:
        """Take `amount` of an authorization; the rest is released."""
        charge = self._charge(intent)
        charge.captured, charge.amount_captured = True, amount
        self._world.objects.put(charge)
        intent.amount_received, intent.amount_capturable = amount, 0
        intent.status = IntentStatus.SUCCEEDED
        self._save(intent)
        session = self._world.objects.get(Session, intent.session or "")
        if session is not None:
            session.payment_status = "paid"
            self._world.objects.put(session)
        self._record(intent, LedgerKind.CAPTURE, amount)
        self._events.emit("charge.captured", charge, payment_id=intent.id)
        self._events.emit("payment_intent.succeeded", intent)
        return charge

    def cancel(self, intent: Intent, reason: str | None) -> None:
        """Close it for good, releasing an authorization."""
        released = intent.amount_capturable
        if released:
            charge = self._charge(intent)
            charge.amount_refunded = released
            self._world.objects.put(charge)
            self._record(intent, LedgerKind.VOID, released)
        intent.status = IntentStatus.CANCELED
        intent.amount_capturable = 0
        intent.canceled_at, intent.cancellation_reason = now(), reason
        self._save(intent)
        self._events.emit("payment_intent.canceled", intent)

    def _ask_issuer(self, intent: Intent, card: TestCard, *, authenticated: bool) -> CardDecline | None:
        if card.decline is not None:
            return self._fail(intent, card.decline)
        direct = intent.capture_method != "manual"
        charge = Charge(
            id=new_id("ch"),
            account=intent.account,
            reference=intent.reference,
            parent=intent.id,
            created=now(),
            amount=intent.amount,
            currency=intent.currency,
            captured=direct,
            amount_captured=intent.amount if direct else 0,
            status="succeeded",
            method=intent.attached,
            authenticated=authenticated,
            metadata=intent.metadata,
            description=intent.description,
        )
        self._world.objects.put(charge)
        intent.latest_charge = charge.id
        intent.last_payment_error = None
        if direct:
            intent.status, intent.amount_received = IntentStatus.SUCCEEDED, intent.amount
        else:
            intent.status, intent.amount_capturable = IntentStatus.REQUIRES_CAPTURE, intent.amount
        self._save(intent)
        self._record(intent, LedgerKind.CAPTURE if direct else LedgerKind.AUTHORIZE, intent.amount)
        self._events.emit(
            "payment_intent.succeeded" if direct else "payment_intent.amount_capturable_updated", intent
        )
        return None

    def _fail(self, intent: Intent, decline: CardDecline) -> CardDecline:
        failure = {
            "code": decline.code,
            "decline_code": decline.decline_code,
            "message": decline.message,
            "network_decline_code": decline.network_decline_code,
            "blocked": decline.blocked,
        }
        charge = Charge(
            id=new_id("ch"),
            account=intent.account,
            reference=intent.reference,
            parent=intent.id,
            created=now(),
            amount=intent.amount,
            currency=intent.currency,
            captured=False,
            status="failed",
            method=intent.attached,
            failure=failure,
            metadata=intent.metadata,
            description=intent.description,
        )
        self._world.objects.put(charge)
        intent.latest_charge = charge.id
        error = error_body(
            "card_error",
            decline.message,
            decline.code,
            charge=charge.id,
            decline_code=decline.decline_code,
            network_decline_code=decline.network_decline_code,
            payment_method=payment_method(intent.attached, intent.created),
        )["error"]
        self._back_to_start(intent, error)
        self._record(intent, LedgerKind.DECLINE, intent.amount)
        self._events.emit("payment_intent.payment_failed", intent)
        return decline

    def _back_to_start(self, intent: Intent, error: dict[str, Any]) -> None:
        intent.status = IntentStatus.REQUIRES_PAYMENT_METHOD
        intent.last_payment_error = error
        intent.method = intent.challenge_url = None
        self._save(intent)

    def _charge(self, intent: Intent) -> Charge:
        return self._world.objects.require(Charge, intent.latest_charge or "")

    def _save(self, intent: Intent) -> None:
        self._world.objects.put(intent)

    def _record(self, intent: Intent, kind: LedgerKind, amount: int) -> None:
        self._world.ledger.append(
            gateway=NAME,
            account=intent.account,
            kind=kind,
            amount=to_iso(amount, intent.currency),
            currency=intent.currency,
            reference=intent.reference,
            payment_id=intent.id,
            idempotency_key=intent.idempotency_key,
        )


def _challenged(card: TestCard, asked_for: str, off_session: bool) -> bool:
    match card.challenge:
        case Challenge.NEVER:
            return False
        case Challenge.ON_REQUEST:
            return asked_for in ("any", "challenge") and not off_session
        case Challenge.ON_SESSION:
            return not off_session
        case Challenge.ALWAYS:
            return True
