"""Paystack, put together: endpoints, door, what customers and time do."""

import json
from urllib.parse import parse_qs

from sandbox.exchange import Answer, Call, NothingToSettle, Simulator, endpoint
from sandbox.paystack.charges import Charges
from sandbox.paystack.events import SIGNER
from sandbox.paystack.lookups import NOT_FOUND, Lookups
from sandbox.paystack.models import NAME, Refund, Transaction
from sandbox.paystack.transactions import ANSWER_PROMPT, SETTLE_REFUND, Transactions
from sandbox.paystack.wire import account_of, failure, key_given, success, told
from sandbox.vocabulary import CustomerOutcome, Operation
from sandbox.webhooks import Signer
from sandbox.world import World


class Paystack(Simulator):
    name = NAME
    base_path = "/paystack"

    def __init__(self, world: World) -> None:
        self._world = world
        self.transactions = Transactions(world)
        charges = Charges(world, self.transactions)
        lookups = Lookups(world, self.transactions)
        self.endpoints = (
            endpoint("POST", "/transaction/initialize", Operation.CHARGE, charges.initialize),
            endpoint(
                "POST", "/transaction/charge_authorization", Operation.CHARGE, charges.charge_authorization
            ),
            endpoint("POST", "/charge", Operation.CHARGE, charges.charge),
            endpoint("GET", "/transaction", Operation.LOOKUP, lookups.transactions),
            endpoint("GET", "/transaction/verify/{reference}", Operation.LOOKUP, lookups.verify),
            endpoint("GET", "/transaction/{id}", Operation.LOOKUP, lookups.fetch),
            endpoint("POST", "/refund", Operation.REFUND, lookups.refund),
            endpoint("GET", "/refund", Operation.LOOKUP, lookups.refunds),
            endpoint("GET", "/refund/{refund}", Operation.LOOKUP, lookups.one_refund),
        )

    @property
    def signer(self) -> Signer:
        return SIGNER

    def account_of(self, call: Call) -> str | None:
        return account_of(key_given(call.headers))

    def reference_of(self, call: Call) -> str | None:
        objects = self._world.objects
        if "reference" in call.parts:
            return told(call.parts["reference"])
        if "refund" in call.parts:
            refund = objects.get(Refund, call.parts["refund"])
            return None if refund is None else refund.reference
        try:
            body = json.loads(call.body or b"{}")
        except ValueError:
            return None
        given = body if isinstance(body, dict) else {}
        if isinstance(given.get("reference"), str):
            return told(given["reference"])
        asked = parse_qs(call.query).get("transaction", [""])[-1] if call.path == "/refund" else ""
        named = call.parts.get("id") or str(given.get("transaction") or asked)
        found = objects.get(Transaction, named)
        if found is None:
            return next((item.reference for item in objects.of_reference(Transaction, told(named))), None)
        return found.reference

    def unauthorized(self, call: Call) -> Answer:  # noqa: ARG002
        return failure(401, "Invalid key", "invalid_Key")

    def rate_limited(self, call: Call) -> Answer:  # noqa: ARG002
        answer = failure(429, "Too many requests", "rate_limited", kind="api_error")
        return Answer(answer.status, answer.body, {"Retry-After": "1"})

    def server_error(self, call: Call) -> Answer:  # noqa: ARG002
        return failure(500, "An error occurred", "unknown", kind="api_error")

    def not_found(self, call: Call) -> Answer:
        if call.path in ("/transaction", "/refund"):
            return success("Transactions retrieved", [], {"total": 0, "page": 1, "pageCount": 0})
        return failure(400, NOT_FOUND, "transaction_not_found")

    def no_such_path(self, call: Call) -> Answer:
        return failure(404, f"Cannot {call.method} {call.path}", "route_not_found", kind="api_error")

    def settle(self, payment_id: str, outcome: CustomerOutcome) -> str | None:
        """By the id of a transaction or by our reference."""
        objects = self._world.objects
        transaction = objects.get(Transaction, payment_id) or next(
            reversed(objects.of_reference(Transaction, told(payment_id))), None
        )
        if transaction is None:
            return None
        if not transaction.open:
            raise NothingToSettle(f"the transaction is {transaction.status}")
        self.transactions.answer(transaction, outcome)
        return transaction.status.value

    def on_timer(self, action: str, subject: str) -> None:
        objects = self._world.objects
        if action == ANSWER_PROMPT:
            transaction = objects.get(Transaction, subject)
            if transaction is not None and transaction.open:
                self.transactions.answer(transaction, CustomerOutcome.PAID)
        elif action == SETTLE_REFUND:
            refund = objects.get(Refund, subject)
            if refund is not None:
                self.transactions.settle_refund(refund)
        else:
            raise ValueError(action)
