"""Payments and what is done to them: each change with its ledger row and its webhook.

Sources: https://docs.adyen.com/api-explorer/Checkout/71/post/payments,
https://docs.adyen.com/online-payments/capture, /cancel and /refund
"""

from typing import Any, Final

from sandbox.adyen.events import Events
from sandbox.adyen.models import (
    CARDS,
    NAME,
    REFUSALS,
    Modification,
    ModificationKind,
    Payment,
    PaymentStatus,
)
from sandbox.adyen.wire import (
    amount_view,
    answer,
    body_of,
    money,
    new_psp_reference,
    reference_of,
    refused,
    text,
)
from sandbox.clock import now
from sandbox.exchange import Answer, Call
from sandbox.twist import twisted
from sandbox.vocabulary import CustomerOutcome, LedgerKind
from sandbox.world import World

DECIDE: Final = "decide"
_NO_BALANCE: Final = "Insufficient balance on payment"


class Payments:
    """All methods run inside the caller's transaction and save what they change."""

    def __init__(self, world: World, events: Events) -> None:
        self._world = world
        self._events = events

    def pay(self, call: Call) -> Answer:
        """POST /payments, a stored card."""
        body = body_of(call)
        amount, currency = twisted(call, *money(body))
        method = body.get("paymentMethod")
        stored = text(method, "storedPaymentMethodId") if isinstance(method, dict) else None
        if stored is None:
            raise refused("14_004", "Missing payment method details: only stored cards are simulated")
        if text(body, "shopperReference") is None:
            raise refused("800", "Contract not found")
        card = CARDS.get(stored)
        if card is None:
            raise refused("803", "PaymentDetail not found")
        more = body.get("additionalData")
        payment = self.begin(
            account=call.account,
            reference=reference_of(body),
            amount=amount,
            currency=currency,
            manual=isinstance(more, dict) and more.get("manualCapture") == "true",
            idempotency_key=call.idempotency_key,
        )
        told: dict[str, Any] = {"pspReference": payment.id, "resultCode": card.result}
        if card.code is not None:
            self.refuse(payment, card.code)
            told |= {"refusalReason": REFUSALS[card.code], "refusalReasonCode": card.code}
        elif card.result == "Authorised":
            self.authorise(payment)
            told |= {"amount": amount_view(amount, currency)}
        elif card.result == "RedirectShopper":
            url = f"{self._world.pages_url}/pay/adyen/3ds/{payment.id}"
            told["action"] = {"type": "redirect", "method": "GET", "url": url, "paymentMethodType": "scheme"}
        told |= {"merchantReference": payment.reference, "paymentMethod": {"brand": "visa", "type": "scheme"}}
        return answer(told)

    def begin(
        self,
        *,
        account: str,
        reference: str | None,
        amount: int,
        currency: str,
        manual: bool,
        idempotency_key: str | None,
        link: str | None = None,
    ) -> Payment:
        payment = Payment(
            id=new_psp_reference(),
            account=account,
            reference=reference,
            parent=link,
            created=now(),
            amount=amount,
            currency=currency,
            status=PaymentStatus.RECEIVED,
            manual=manual,
            idempotency_key=idempotency_key,
        )
        self._world.objects.put(payment)
        return payment

    def authorise(self, payment: Payment) -> None:
        """Held and, unless it is captured manually, taken at once."""
        payment.status = PaymentStatus.AUTHORISED if payment.manual else PaymentStatus.CAPTURED
        payment.captured = 0 if payment.manual else payment.amount
        self._world.objects.put(payment)
        kind = LedgerKind.AUTHORIZE if payment.manual else LedgerKind.CAPTURE
        self._record(payment, kind, payment.amount, payment.idempotency_key)
        self._events.authorisation(payment, success=True)

    def refuse(self, payment: Payment, code: str) -> None:
        payment.status = PaymentStatus.REFUSED
        self._world.objects.put(payment)
        self._record(payment, LedgerKind.DECLINE, payment.amount, payment.idempotency_key)
        self._events.authorisation(payment, success=False, reason=REFUSALS[code])

    def answer(self, payment: Payment, outcome: CustomerOutcome) -> None:
        """What becomes of a payment that was only received."""
        match outcome:
            case CustomerOutcome.PAID:
                self.authorise(payment)
            case CustomerOutcome.FAILED:
                self.refuse(payment, "2")
            case CustomerOutcome.ABANDONED:
                pass

    def capture(self, call: Call) -> Answer:
        return self._modify(call, ModificationKind.CAPTURE)

    def cancel(self, call: Call) -> Answer:
        return self._modify(call, ModificationKind.CANCELLATION)

    def refund(self, call: Call) -> Answer:
        return self._modify(call, ModificationKind.REFUND)

    def _modify(self, call: Call, what: ModificationKind) -> Answer:
        body = body_of(call)
        payment = self._world.objects.get(Payment, call.parts["psp"], call.account)
        if payment is None:
            raise refused("167", "Original pspReference required for this operation")
        cancels = what is ModificationKind.CANCELLATION
        amount, currency = (payment.amount, payment.currency) if cancels else money(body)
        if currency != payment.currency:
            raise refused("138", "Unsupported currency specified")
        made = Modification(
            id=new_psp_reference(),
            account=call.account,
            reference=payment.reference,
            parent=payment.id,
            created=now(),
            what=what,
            given_reference=text(body, "reference") or payment.reference or "",
            amount=amount,
            currency=currency,
            idempotency_key=call.idempotency_key,
        )
        self._world.objects.put(made)
        self._world.timers.set(NAME, DECIDE, made.id, now() + self._world.settings.refund_seconds)
        told: dict[str, Any] = {
            "merchantAccount": body["merchantAccount"],
            "paymentPspReference": payment.id,
            "pspReference": made.id,
            "reference": made.given_reference,
            "status": "received",
        }
        return answer(told if cancels else told | {"amount": amount_view(amount, currency)}, 201)

    def decide(self, made: Modification) -> None:
        """A little later: done, or not possible."""
        if made.decided:
            return
        made.decided = True
        self._world.objects.put(made)
        payment = self._world.objects.require(Payment, made.parent or "")
        reason = self._carry_out(made, payment)
        self._events.modification(made, payment, success=reason is None, reason=reason or "")

    def _carry_out(self, made: Modification, payment: Payment) -> str | None:
        """Why not, or None once it is done."""
        held = payment.status is PaymentStatus.AUTHORISED
        match made.what:
            case ModificationKind.CAPTURE:
                if not held or made.amount > payment.amount:
                    return _NO_BALANCE
                payment.status, payment.captured = PaymentStatus.CAPTURED, made.amount
                self._record(payment, LedgerKind.CAPTURE, made.amount, made.idempotency_key)
            case ModificationKind.CANCELLATION:
                if not held:
                    return "Transaction cannot be cancelled"
                payment.status = PaymentStatus.CANCELLED
                self._record(payment, LedgerKind.VOID, payment.amount, made.idempotency_key)
            case ModificationKind.REFUND:
                if made.amount > payment.captured - payment.refunded:
                    return _NO_BALANCE
                payment.refunded += made.amount
                self._record(payment, LedgerKind.REFUND, made.amount, made.idempotency_key)
        self._world.objects.put(payment)
        return None

    def _record(self, payment: Payment, kind: LedgerKind, amount: int, key: str | None) -> None:
        self._world.ledger.append(
            gateway=NAME,
            account=payment.account,
            kind=kind,
            amount=amount,
            currency=payment.currency,
            reference=payment.reference,
            payment_id=payment.id,
            idempotency_key=key,
        )
