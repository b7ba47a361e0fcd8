"""Flutterwave, put together: endpoints, door, what customers and time do."""

import json
from typing import Any
from urllib.parse import parse_qs

from sandbox.exchange import Answer, Call, NothingToSettle, Simulator, endpoint
from sandbox.flutterwave.accounts import account_of, key_given
from sandbox.flutterwave.chargebacks import Chargebacks
from sandbox.flutterwave.charges import Charges
from sandbox.flutterwave.events import SIGNER, Events
from sandbox.flutterwave.lookups import NO_TRANSACTION, Lookups
from sandbox.flutterwave.models import NAME, Link, Refund, Transaction, TransactionStatus
from sandbox.flutterwave.transactions import ANSWER_PROMPT, CLOSE_LINK, DECLINED, SETTLE_REFUND, Transactions
from sandbox.flutterwave.wire import failure, success
from sandbox.vocabulary import CustomerOutcome, DisputeOutcome, Operation
from sandbox.webhooks import Signer
from sandbox.world import World


class Flutterwave(Simulator):
    name = NAME
    base_path = "/flutterwave/v3"

    def __init__(self, world: World) -> None:
        self._world = world
        self.transactions = Transactions(world, Events(world))
        self._chargebacks = Chargebacks(world, self.transactions)
        charges = Charges(world, self.transactions)
        lookups = Lookups(world, self.transactions)
        self.endpoints = (
            endpoint("POST", "/payments", Operation.CHARGE, charges.open_link),
            endpoint("POST", "/payments/link/disable", Operation.CANCEL, charges.disable_link),
            endpoint("POST", "/charges", Operation.CHARGE, charges.charge),
            endpoint("POST", "/tokenized-charges", Operation.CHARGE, charges.charge_token),
            endpoint("GET", "/transactions", Operation.LOOKUP, lookups.transactions),
            endpoint(
                "GET", "/transactions/verify_by_reference", Operation.LOOKUP, lookups.verify_by_reference
            ),
            endpoint("GET", "/transactions/{id}/verify", Operation.LOOKUP, lookups.verify),
            endpoint("POST", "/transactions/{id}/refund", Operation.REFUND, lookups.refund),
            endpoint("GET", "/refunds", Operation.LOOKUP, lookups.refunds),
            endpoint("GET", "/chargebacks", Operation.LOOKUP, lookups.chargebacks),
            endpoint("GET", "/refunds/{refund}", Operation.LOOKUP, lookups.one_refund),
        )

    @property
    def signer(self) -> Signer:
        return SIGNER

    def account_of(self, call: Call) -> str | None:
        return account_of(key_given(call.headers))

    def reference_of(self, call: Call) -> str | None:
        objects, asked = self._world.objects, parse_qs(call.query)
        if "tx_ref" in asked:
            return asked["tx_ref"][-1]
        transaction = call.parts.get("id") or (
            asked.get("id", [None])[-1] if call.path == "/refunds" else None
        )
        if transaction is not None:
            found = objects.get(Transaction, transaction)
            return None if found is None else found.reference
        if "refund" in call.parts:
            refund = objects.get(Refund, call.parts["refund"])
            return None if refund is None else refund.reference
        try:
            body = json.loads(call.body or b"{}")
        except ValueError:
            return None
        if not isinstance(body, dict):
            return None
        if isinstance(body.get("link"), str):
            link = objects.get(Link, body["link"].rpartition("/")[2])
            return None if link is None else link.reference
        return body["tx_ref"] if isinstance(body.get("tx_ref"), str) else None

    def unauthorized(self, call: Call) -> Answer:
        given = key_given(call.headers) is not None
        return failure(401, "Invalid authorization key" if given else "Authorization required")

    def rate_limited(self, call: Call) -> Answer:  # noqa: ARG002
        answer = failure(429, "Too many requests. Please try again later")
        return Answer(answer.status, answer.body, {"Retry-After": "1"})

    def server_error(self, call: Call) -> Answer:  # noqa: ARG002
        """As documented for time-outs inside: it "does not always mean request failure"."""
        return failure(503, "An error occurred. Please contact support")

    def not_found(self, call: Call) -> Answer:
        if call.path in ("/transactions", "/refunds", "/chargebacks"):
            info = {"page_info": {"total": 0, "current_page": 1, "total_pages": 0}}
            return success("Transactions fetched", [], meta=info)
        return failure(400, NO_TRANSACTION)

    def no_such_path(self, call: Call) -> Answer:
        return failure(404, f"Cannot {call.method} {call.path}")

    def settle(self, payment_id: str, outcome: CustomerOutcome) -> str | None:
        """By the id of a transaction or of a page, or by our reference."""
        objects = self._world.objects
        link = objects.get(Link, payment_id) or next(reversed(objects.of_reference(Link, payment_id)), None)
        if link is not None:
            if link.state != "open":
                raise NothingToSettle(f"the page is {link.state}")
            if outcome is not CustomerOutcome.ABANDONED:
                self.transactions.try_link(link, pays=outcome is CustomerOutcome.PAID)
            return link.state
        transaction = objects.get(Transaction, payment_id) or next(
            reversed(objects.of_reference(Transaction, payment_id)), None
        )
        if transaction is None:
            return None
        if transaction.status is not TransactionStatus.PENDING:
            raise NothingToSettle(f"the transaction is {transaction.status}")
        self.answer(transaction, outcome)
        return transaction.status.value

    def answer(self, transaction: Transaction, outcome: CustomerOutcome) -> None:
        """What the customer does about a pending transaction."""
        match outcome:
            case CustomerOutcome.PAID:
                self.transactions.conclude(transaction, TransactionStatus.SUCCESSFUL, "Approved")
            case CustomerOutcome.FAILED:
                self.transactions.conclude(transaction, TransactionStatus.FAILED, DECLINED)
            case CustomerOutcome.ABANDONED:
                self.transactions.ignore_prompt(transaction)

    def dispute(self, payment_id: str, reason: str, outcome: DisputeOutcome) -> dict[str, Any] | None:
        return self._chargebacks.act(payment_id, reason, outcome)

    def on_timer(self, action: str, subject: str) -> None:
        objects = self._world.objects
        if action == ANSWER_PROMPT:
            transaction = objects.get(Transaction, subject)
            if transaction is not None and transaction.status is TransactionStatus.PENDING:
                self.answer(transaction, CustomerOutcome.PAID)
        elif action == CLOSE_LINK:
            link = objects.get(Link, subject)
            if link is not None and link.state == "open":
                link.state = "expired"
                objects.put(link)
        elif action == SETTLE_REFUND:
            refund = objects.get(Refund, subject)
            if refund is not None:
                self.transactions.settle_refund(refund)
        else:
            raise ValueError(action)
