"""Flutterwave's pages: Standard, and where a mobile-money customer confirms."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from sandbox.currency import display
from sandbox.flutterwave.models import Link, Transaction, TransactionStatus
from sandbox.flutterwave.simulator import Flutterwave
from sandbox.pages import Button, action_of, message_page, payment_page, redirect
from sandbox.vocabulary import CustomerOutcome
from sandbox.world import World

_CLOSED = {
    "paid": "This has been paid.",
    "disabled": "This payment link is no longer active.",
    "expired": "This payment link has expired.",
    "exhausted": "Too many failed tries: this payment link is closed.",
}


def flutterwave_pages(world: World, flutterwave: Flutterwave) -> APIRouter:
    router = APIRouter(prefix="/pay/flutterwave", include_in_schema=False)

    @router.get("/prompt/{transaction_id}")
    async def prompt(transaction_id: str) -> Response:
        transaction = world.objects.get(Transaction, transaction_id)
        if transaction is None:
            return message_page("Confirm", "There is no such page.", 404)
        return _prompt(transaction)

    @router.post("/prompt/{transaction_id}")
    async def prompt_action(transaction_id: str, request: Request) -> Response:
        action = await action_of(request)
        transaction = world.objects.get(Transaction, transaction_id)
        if transaction is None:
            return message_page("Confirm", "There is no such page.", 404)
        if transaction.status is not TransactionStatus.PENDING:
            return _prompt(transaction)
        with world.database.transaction():
            flutterwave.answer(
                transaction, CustomerOutcome.PAID if action == "pay" else CustomerOutcome.FAILED
            )
        return _back(transaction.redirect_url, transaction)

    @router.get("/{link_id}")
    async def page(link_id: str) -> Response:
        link = world.objects.get(Link, link_id)
        if link is None:
            return message_page("Payment", "There is no such page.", 404)
        return _page(link)

    @router.post("/{link_id}")
    async def page_action(link_id: str, request: Request) -> Response:
        action = await action_of(request)
        link = world.objects.get(Link, link_id)
        if link is None:
            return message_page("Payment", "There is no such page.", 404)
        if link.state != "open":
            return _page(link)
        if action == "cancel":
            return redirect(link.redirect_url, status="failed", tx_ref=link.reference)
        with world.database.transaction():
            transaction = flutterwave.transactions.try_link(link, pays=action == "pay")
        if transaction.status is TransactionStatus.SUCCESSFUL or link.state != "open":
            return _back(link.redirect_url, transaction)
        return _page(link, f"Your payment failed: {transaction.processor_response}. Try again.")

    return router


def _back(redirect_url: str | None, transaction: Transaction) -> Response:
    if redirect_url is None:
        return message_page("Payment", "Done. You can close this page.")
    return redirect(
        redirect_url,
        status=transaction.status.value,
        tx_ref=transaction.reference,
        transaction_id=transaction.id,
    )


def _page(link: Link, notice: str | None = None) -> Response:
    if link.state != "open":
        return message_page(link.title, _CLOSED[link.state], 410)
    return payment_page(
        title=link.title,
        amount=display(link.amount, link.currency),
        facts=[("Reference", link.reference or ""), ("E-mail", link.customer.email)],
        buttons=[Button("pay", "Pay", main=True), Button("decline", "Decline"), Button("cancel", "Cancel")],
        notice=notice,
    )


def _prompt(transaction: Transaction) -> Response:
    if transaction.status is not TransactionStatus.PENDING:
        return message_page("Confirm", f"This payment is {transaction.status}.", 410)
    return payment_page(
        title="Confirm the payment",
        amount=display(transaction.amount, transaction.currency),
        facts=[
            ("Reference", transaction.reference or ""),
            ("Phone", transaction.customer.phone_number or "not given"),
        ],
        buttons=[Button("pay", "Approve", main=True), Button("decline", "Reject")],
    )
