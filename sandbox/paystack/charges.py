"""Taking money: pages, saved cards, mobile money.

Sources: https://paystack.com/docs/api/transaction/#initialize and #charge-authorization,
https://paystack.com/docs/payments/payment-channels/#mobile-money
"""

import json
from collections.abc import Mapping
from typing import Any

from sandbox.exchange import Answer, Call
from sandbox.paystack.models import PROVIDERS, TOKENS, Transaction, TransactionStatus
from sandbox.paystack.transactions import Transactions
from sandbox.paystack.views import transaction_view
from sandbox.paystack.wire import body_of, email_of, money, reference_of, refused, success, text
from sandbox.twist import twisted
from sandbox.world import World


class Charges:
    def __init__(self, world: World, transactions: Transactions) -> None:
        self._world = world
        self._transactions = transactions

    def initialize(self, call: Call) -> Answer:
        """POST /transaction/initialize: a page; nobody is charged before they act on it."""
        body = body_of(call)
        transaction = self._begin(
            call, body, "card", callback_url=text(body, "callback_url"), page=True, retries=True
        )
        return success("Authorization URL created", self._page(transaction))

    def charge_authorization(self, call: Call) -> Answer:
        """POST /transaction/charge_authorization: a saved card."""
        body = body_of(call)
        outcome = TOKENS.get(text(body, "authorization_code") or "")
        if outcome is None:
            raise refused(
                "Email does not match Authorization code. Authorization may be inactive or belong to a "
                "different email. Please confirm."
            )
        transaction = self._begin(call, body, "card", page=outcome.paused)
        if outcome.paused:
            paused = self._page(transaction) | {"paused": True}
            return success("Please, redirect your customer to the authorization url provided", paused)
        match outcome.status:
            case TransactionStatus.SUCCESS:
                self._transactions.succeed(transaction)
            case TransactionStatus.FAILED:
                self._transactions.fail(transaction, outcome.gateway_response or "Declined")
            case _:
                self._transactions.wait(transaction, outcome.status)
        return success("Charge attempted", transaction_view(transaction))

    def charge(self, call: Call) -> Answer:
        """POST /charge: mobile money."""
        body = body_of(call)
        wallet = body.get("mobile_money")
        if not isinstance(wallet, dict):
            raise refused(
                "One of Authorization code, card object, bank object, ussd object, mobile money object, "
                "qr object, or EFT object should be passed."
            )
        _, currency = money(body)
        provider, phone = text(wallet, "provider"), text(wallet, "phone")
        if (provider or "").lower() not in PROVIDERS.get(currency, frozenset()):
            raise refused("Provider is not supported for this currency")
        if phone is None or not phone.removeprefix("+").isdecimal():
            raise refused("Invalid phone number")
        redirects = provider == "wave"
        transaction = self._begin(call, body, "mobile_money", phone=phone, page=redirects)
        self._transactions.wait(transaction, TransactionStatus.ONGOING, prompt=True)
        asked: dict[str, Any] = {
            "reference": transaction.wire_reference,
            "status": "open_url" if redirects else "pay_offline",
            "display_text": "Please complete authorization process on your mobile phone",
        }
        if redirects:
            asked["url"] = self.url_of(transaction)
        return success("Charge attempted", asked)

    def url_of(self, transaction: Transaction) -> str:
        return f"{self._world.pages_url}/pay/paystack/{transaction.parent}"

    def _page(self, transaction: Transaction) -> dict[str, Any]:
        return {
            "authorization_url": self.url_of(transaction),
            "access_code": transaction.parent,
            "reference": transaction.wire_reference,
        }

    def _begin(self, call: Call, body: Mapping[str, Any], channel: str, **more: Any) -> Transaction:
        email, reference = email_of(body), reference_of(body)
        amount, currency = twisted(call, *money(body))
        return self._transactions.begin(
            account=call.account,
            wire_reference=reference,
            amount=amount,
            currency=currency,
            channel=channel,
            email=email,
            metadata=_metadata(body.get("metadata")),
            **more,
        )


def _metadata(given: object) -> object:
    """An object, or one as text."""
    if not isinstance(given, str):
        return given
    try:
        return json.loads(given)
    except ValueError:
        return given
