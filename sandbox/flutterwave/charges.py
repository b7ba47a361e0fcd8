"""Taking money: pages, mobile money and the like, saved cards.

Sources: https://developer.flutterwave.com/docs/flutterwave-standard-1,
https://developer.flutterwave.com/v3.0.0/reference/charge-with-token-1, https://developer.flutterwave.com/docs/ghana
"""

import secrets
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import parse_qs

from sandbox.clock import now
from sandbox.exchange import Answer, Call
from sandbox.flutterwave.models import (
    CHARGE_TYPES,
    FAILING_NUMBERS,
    NAME,
    TOKENS,
    ChargeType,
    Link,
    Transaction,
    TransactionStatus,
)
from sandbox.flutterwave.transactions import CARD, CLOSE_LINK, Transactions
from sandbox.flutterwave.views import transaction_view
from sandbox.flutterwave.wire import body_of, major, money, refused, required, success, text
from sandbox.twist import twisted
from sandbox.world import World

_LONGEST_SESSION: Final = 1440
"""Minutes that a page can stay open, documented; the default of the sandbox too."""

_MOCKED_FAILURE: Final = "Mocked a Failed Transaction"
"""The documented message for the failing numbers."""


class Charges:
    def __init__(self, world: World, transactions: Transactions) -> None:
        self._world = world
        self._transactions = transactions

    def open_link(self, call: Call) -> Answer:
        """POST /payments: a page; nobody is charged before they act on it."""
        body = body_of(call)
        required(body, "tx_ref", "amount", "redirect_url")
        customer = _mapping(body, "customer")
        required(customer, "email")
        amount, currency = twisted(call, *money(body))
        configuration = _mapping(body, "configurations")
        minutes = _whole(
            body.get("session_duration", configuration.get("session_duration")), "session_duration"
        )
        if minutes is not None and not 1 <= minutes <= _LONGEST_SESSION:
            raise refused(f"session_duration must be between 1 and {_LONGEST_SESSION} minutes")
        link = Link(
            id=f"flwlnk-{secrets.token_hex(13)}",
            account=call.account,
            reference=text(body, "tx_ref"),
            created=now(),
            amount=amount,
            currency=currency,
            redirect_url=text(body, "redirect_url") or "",
            customer=self._transactions.customer(
                customer, name=text(customer, "name"), phone=text(customer, "phonenumber")
            ),
            title=text(_mapping(body, "customizations"), "title") or "Payment",
            expires_at=now() + 60 * (minutes or _LONGEST_SESSION),
            max_tries=_whole(
                body.get("max_retry_attempt", configuration.get("max_retry_attempt")), "max_retry_attempt"
            ),
            meta=_meta(body),
        )
        self._world.objects.put(link)
        self._world.timers.set(NAME, CLOSE_LINK, link.id, link.expires_at or now())
        return success("Hosted Link", {"link": self.url_of(link)})

    def disable_link(self, call: Call) -> Answer:
        """POST /payments/link/disable: from now on nobody can pay there."""
        body = body_of(call)
        required(body, "link")
        link = self._world.objects.get(Link, (text(body, "link") or "").rpartition("/")[2], call.account)
        if link is None:
            raise refused("Invalid payment link")
        if link.state != "open":
            raise refused("This payment link is currently inactive")
        link.state = "disabled"
        self._world.objects.put(link)
        self._world.timers.clear(NAME, CLOSE_LINK, link.id)
        return success("LINK DISABLED", True)

    def charge(self, call: Call) -> Answer:
        """POST /charges?type=: the customer is asked on their phone (or must do something themselves)."""
        named = parse_qs(call.query).get("type", [""])[0]
        kind = CHARGE_TYPES.get(named)
        if kind is None:
            raise refused(f"Invalid charge type: {named}")
        body = body_of(call)
        required(body, *kind.required)
        amount, currency = money(body)
        if currency not in kind.currencies:
            raise refused(f"{currency} is not supported for {named}")
        amount, currency = twisted(call, amount, currency)
        phone = text(body, "phone_number")
        fails = "".join(filter(str.isdecimal, phone or "")).endswith(FAILING_NUMBERS)
        transaction = self._transactions.begin(
            account=call.account,
            tx_ref=text(body, "tx_ref") or "",
            amount=amount,
            currency=currency,
            status=TransactionStatus.FAILED if fails else TransactionStatus.PENDING,
            processor_response=_MOCKED_FAILURE if fails else "Transaction in progress",
            payment_type=kind.payment_type,
            auth_model=kind.auth_model,
            customer=self._transactions.customer(body, name=text(body, "fullname"), phone=phone),
            narration=text(body, "narration"),
            meta=_meta(body),
            redirect_url=text(body, "redirect_url"),
        )
        if not fails:
            self._transactions.prompt(transaction)
        return self._initiated(kind, transaction)

    def charge_token(self, call: Call) -> Answer:
        """POST /tokenized-charges: a saved card."""
        body = body_of(call)
        required(body, "token", "email", "amount", "tx_ref")
        amount, currency = money(body)
        outcome = TOKENS.get(text(body, "token") or "")
        if outcome is None:
            raise refused("Wrong token or email passed")
        if body.get("preauthorize"):
            raise refused("You are not permitted to preauthorize charges")
        amount, currency = twisted(call, amount, currency)
        names = " ".join(filter(None, (text(body, "first_name"), text(body, "last_name"))))
        transaction = self._transactions.begin(
            account=call.account,
            tx_ref=text(body, "tx_ref") or "",
            amount=amount,
            currency=currency,
            status=outcome.status,
            processor_response=outcome.processor_response,
            payment_type="card",
            auth_model="VBVSECURECODE" if outcome.asks_customer else "noauth",
            customer=self._transactions.customer(body, name=names, phone=text(body, "phone_number")),
            narration=text(body, "narration"),
            card=dict(CARD),
            meta=_meta(body),
            redirect_url=text(body, "redirect_url"),
        )
        view = transaction_view(transaction) | {"redirect_url": transaction.redirect_url}
        if outcome.asks_customer:
            view["meta"] = {"authorization": {"mode": "redirect", "redirect": self.prompt_url(transaction)}}
        match transaction.status:
            case TransactionStatus.SUCCESSFUL:
                message = "Charge successful"
            case TransactionStatus.FAILED:
                message = "Charge failed"
            case TransactionStatus.PENDING:
                message = "Charge initiated"
        return success(message, view)

    def url_of(self, link: Link) -> str:
        return f"{self._world.pages_url}/pay/flutterwave/{link.id}"

    def prompt_url(self, transaction: Transaction) -> str:
        return f"{self._world.pages_url}/pay/flutterwave/prompt/{transaction.id}"

    def _initiated(self, kind: ChargeType, transaction: Transaction) -> Answer:
        """The answer's shape depends on the type: some name the transaction, some only where to go."""
        message, view = "Charge initiated", transaction_view(transaction)
        match kind.flow:
            case "redirect":
                authorization: dict[str, object] = {
                    "redirect": self.prompt_url(transaction),
                    "mode": "redirect",
                }
                return success(message, meta={"authorization": authorization})
            case "bank_transfer":
                amount = f"{major(transaction.amount, transaction.currency):.2f}"
                authorization = {
                    "transfer_reference": transaction.flw_ref,
                    "transfer_account": "0067100155",
                    "transfer_bank": "Mock Bank",
                    "account_expiration": int((transaction.created + 3600) * 1000),
                    "transfer_note": "Mock note",
                    "transfer_amount": amount,
                    "mode": "banktransfer",
                }
                return success(message, meta={"authorization": authorization})
            case "ussd":
                view["payment_code"] = transaction.id
                authorization = {"mode": "ussd", "note": f"*566*002*{transaction.id}#"}
                return success(message, view, meta={"authorization": authorization})
            case "callback":
                return success(
                    message, view, meta={"authorization": {"mode": "callback", "redirect_url": None}}
                )
            case "plain":
                return success(message, view)


def _mapping(body: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = body.get(name)
    return value if isinstance(value, dict) else {}


def _meta(body: Mapping[str, Any]) -> dict[str, Any] | None:
    meta = _mapping(body, "meta")
    return {name: str(value) for name, value in meta.items()} or None


def _whole(value: object, name: str) -> int | None:
    if value is None:
        return None
    if not str(value).isdecimal():
        raise refused(f"{name} must be a whole number")
    return int(str(value))
