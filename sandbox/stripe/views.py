"""What Stripe kept -> what Stripe says, with the parts that the caller asked to expand."""

from collections.abc import Iterable
from typing import Any

from sandbox.objects import Objects, Stored
from sandbox.stripe.cards import CARDS
from sandbox.stripe.models import (
    Charge,
    Dispute,
    Event,
    Intent,
    IntentStatus,
    Method,
    Refund,
    Session,
    SessionStatus,
)


class Views:
    def __init__(self, objects: Objects) -> None:
        self._objects = objects

    def render(self, item: Stored, expand: Iterable[str] = ()) -> dict[str, Any]:
        """`expand` holds paths like `latest_charge` or `payment_intent.latest_charge`; others are ignored."""
        match item:
            case Intent():
                body = self._intent(item)
                inner: dict[str, type[Stored]] = {"latest_charge": Charge}
            case Charge():
                body = self._charge(item)
                inner = {"payment_intent": Intent}
            case Refund():
                body = self._refund(item)
                inner = {"payment_intent": Intent, "charge": Charge}
            case Dispute():
                body = self._dispute(item)
                inner = {"payment_intent": Intent, "charge": Charge}
            case Session():
                body = self._session(item)
                inner = {"payment_intent": Intent}
            case Event():
                return item.body
            case _:
                raise TypeError(type(item).__name__)
        for path in expand:
            name, _, rest = path.partition(".")
            if name in inner and isinstance(body[name], str):
                found = self._objects.get(inner[name], body[name])
                if found is not None:
                    body[name] = self.render(found, [rest] if rest else [])
        return body

    def _intent(self, intent: Intent) -> dict[str, Any]:
        next_action: dict[str, Any] | None = None
        if intent.status is IntentStatus.REQUIRES_ACTION and intent.return_url is not None:
            next_action = {
                "redirect_to_url": {"return_url": intent.return_url, "url": intent.challenge_url},
                "type": "redirect_to_url",
            }
        elif intent.status is IntentStatus.REQUIRES_ACTION:
            next_action = {
                "type": "use_stripe_sdk",
                "use_stripe_sdk": {"type": "three_d_secure_redirect", "stripe_js": intent.challenge_url},
            }
        return {
            "id": intent.id,
            "object": "payment_intent",
            "amount": intent.amount,
            "amount_capturable": intent.amount_capturable,
            "amount_details": {"tip": {}},
            "amount_received": intent.amount_received,
            "application": None,
            "application_fee_amount": None,
            "automatic_payment_methods": intent.automatic_payment_methods,
            "canceled_at": None if intent.canceled_at is None else int(intent.canceled_at),
            "cancellation_reason": intent.cancellation_reason,
            "capture_method": intent.capture_method,
            "client_secret": intent.client_secret,
            "confirmation_method": intent.confirmation_method,
            "created": int(intent.created),
            "currency": intent.currency.lower(),
            "customer": intent.customer,
            "description": intent.description,
            "last_payment_error": intent.last_payment_error,
            "latest_charge": intent.latest_charge,
            "livemode": False,
            "metadata": intent.metadata,
            "next_action": next_action,
            "on_behalf_of": None,
            "payment_method": None if intent.method is None else intent.method.id,
            "payment_method_configuration_details": None,
            "payment_method_options": {
                "card": {
                    "installments": None,
                    "mandate_options": None,
                    "network": None,
                    "request_three_d_secure": intent.request_three_d_secure,
                }
            },
            "payment_method_types": intent.payment_method_types,
            "processing": None,
            "receipt_email": intent.receipt_email,
            "review": None,
            "setup_future_usage": intent.setup_future_usage,
            "shipping": intent.shipping,
            "source": None,
            "statement_descriptor": intent.statement_descriptor,
            "statement_descriptor_suffix": intent.statement_descriptor_suffix,
            "status": intent.status.value,
            "transfer_data": None,
            "transfer_group": None,
        }

    def _charge(self, charge: Charge) -> dict[str, Any]:
        failure = charge.failure or {}
        blocked = bool(failure.get("blocked"))
        outcome: dict[str, Any] = {
            "advice_code": None,
            "network_decline_code": failure.get("network_decline_code"),
            "network_status": "approved_by_network",
            "reason": failure.get("decline_code") or failure.get("code"),
            "risk_level": "highest" if blocked else "normal",
            "seller_message": "Payment complete.",
            "type": "authorized",
        }
        if charge.status == "failed":
            outcome["network_status"] = "not_sent_to_network" if blocked else "declined_by_network"
            outcome["seller_message"] = "The bank did not return any further details with this decline."
            outcome["type"] = "blocked" if blocked else "issuer_declined"
        return {
            "id": charge.id,
            "object": "charge",
            "amount": charge.amount,
            "amount_captured": charge.amount_captured,
            "amount_refunded": charge.amount_refunded,
            "application": None,
            "balance_transaction": None,
            "billing_details": _billing(),
            "calculated_statement_descriptor": "SANDBOX",
            "captured": charge.captured,
            "created": int(charge.created),
            "currency": charge.currency.lower(),
            "customer": None,
            "description": charge.description,
            "disputed": charge.disputed,
            "failure_balance_transaction": None,
            "failure_code": failure.get("code"),
            "failure_message": failure.get("message"),
            "fraud_details": {},
            "livemode": False,
            "metadata": charge.metadata,
            "outcome": outcome,
            "paid": charge.status == "succeeded",
            "payment_intent": charge.parent,
            "payment_method": charge.method.id,
            "payment_method_details": {
                "card": {
                    **card_details(charge.method.token),
                    "three_d_secure": {"authenticated": True, "result": "authenticated", "version": "2.2.0"}
                    if charge.authenticated
                    else None,
                },
                "type": "card",
            },
            "receipt_email": None,
            "refunded": 0 < charge.amount_captured == charge.amount_refunded,
            "status": charge.status,
        }

    def _refund(self, refund: Refund) -> dict[str, Any]:
        body: dict[str, Any] = {
            "id": refund.id,
            "object": "refund",
            "amount": refund.amount,
            "balance_transaction": None,
            "charge": refund.charge,
            "created": int(refund.created),
            "currency": refund.currency.lower(),
            "destination_details": {
                "card": {"reference_status": "pending", "type": "refund"},
                "type": "card",
            },
            "metadata": refund.metadata,
            "payment_intent": refund.parent,
            "reason": refund.reason,
            "receipt_number": None,
            "source_transfer_reversal": None,
            "status": refund.status,
            "transfer_reversal": None,
        }
        if refund.failure_reason is not None:
            body["failure_reason"] = refund.failure_reason
        return body

    def _dispute(self, dispute: Dispute) -> dict[str, Any]:
        return {
            "id": dispute.id,
            "object": "dispute",
            "amount": dispute.amount,
            "balance_transactions": [
                {"object": "balance_transaction", "amount": amount, "type": "adjustment"}
                for amount in dispute.booked
            ],
            "charge": dispute.charge,
            "created": int(dispute.created),
            "currency": dispute.currency.lower(),
            "enhanced_eligibility_types": [],
            "evidence": {},
            "evidence_details": {
                "due_by": int(dispute.created) + 7 * 86400,
                "has_evidence": False,
                "past_due": False,
                "submission_count": 0,
            },
            "is_charge_refundable": False,
            "livemode": False,
            "metadata": {},
            "payment_intent": dispute.parent,
            "reason": dispute.reason,
            "status": dispute.status,
        }

    def _session(self, session: Session) -> dict[str, Any]:
        return {
            "id": session.id,
            "object": "checkout.session",
            "amount_subtotal": session.amount_total,
            "amount_total": session.amount_total,
            "cancel_url": session.cancel_url,
            "client_reference_id": session.client_reference_id,
            "created": int(session.created),
            "currency": session.currency.lower(),
            "customer": None,
            "customer_details": None
            if session.customer_email is None
            else {"email": session.customer_email, "name": None, "phone": None},
            "customer_email": session.customer_email,
            "expires_at": session.expires_at,
            "livemode": False,
            "metadata": session.metadata,
            "mode": "payment",
            "payment_intent": session.parent,
            "payment_link": None,
            "payment_method_collection": "if_required",
            "payment_method_types": session.payment_method_types,
            "payment_status": session.payment_status,
            "recovered_from": None,
            "status": session.status.value,
            "submit_type": None,
            "success_url": session.success_url,
            "ui_mode": "hosted",
            "url": session.url if session.status is SessionStatus.OPEN else None,
        }


def card_details(token: str) -> dict[str, Any]:
    card = CARDS[token]
    return {
        "brand": card.brand,
        "checks": {"address_line1_check": None, "address_postal_code_check": None, "cvc_check": "pass"},
        "country": card.country,
        "exp_month": 12,
        "exp_year": 2034,
        "funding": card.funding,
        "last4": card.last4,
        "network": card.brand,
        "wallet": None,
    }


def payment_method(method: Method, created: float) -> dict[str, Any]:
    """The PaymentMethod that an error carries."""
    return {
        "id": method.id,
        "object": "payment_method",
        "billing_details": _billing(),
        "card": card_details(method.token),
        "created": int(created),
        "customer": None,
        "livemode": False,
        "metadata": {},
        "type": "card",
    }


def _billing() -> dict[str, Any]:
    return {"address": None, "email": None, "name": None, "phone": None}
