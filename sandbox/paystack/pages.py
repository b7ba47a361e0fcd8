"""Paystack's pages: its checkout, and where a saved card or a wallet is confirmed."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from sandbox.currency import display
from sandbox.pages import Button, action_of, message_page, payment_page, redirect
from sandbox.paystack.models import Transaction, TransactionStatus
from sandbox.paystack.simulator import Paystack
from sandbox.vocabulary import CustomerOutcome
from sandbox.world import World


def paystack_pages(world: World, paystack: Paystack) -> APIRouter:
    router = APIRouter(prefix="/pay/paystack", include_in_schema=False)

    def find(access_code: str) -> Transaction | None:
        return next(iter(world.objects.of_parent(Transaction, access_code)), None)

    @router.get("/{access_code}")
    async def page(access_code: str) -> Response:
        transaction = find(access_code)
        if transaction is None:
            return message_page("Payment", "There is no such page.", 404)
        return _page(transaction)

    @router.post("/{access_code}")
    async def page_action(access_code: str, request: Request) -> Response:
        action = await action_of(request)
        transaction = find(access_code)
        if transaction is None:
            return message_page("Payment", "There is no such page.", 404)
        if not transaction.open:
            return _page(transaction)
        if action == "cancel":
            return _back(transaction)
        with world.database.transaction():
            paystack.transactions.answer(
                transaction, CustomerOutcome.PAID if action == "pay" else CustomerOutcome.FAILED
            )
        if transaction.status is TransactionStatus.SUCCESS or not transaction.open:
            return _back(transaction)
        return _page(transaction, f"Your payment failed: {transaction.gateway_response}. Try again.")

    return router


def _back(transaction: Transaction) -> Response:
    if transaction.callback_url is None:
        return message_page("Payment", "Done. You can close this page.")
    reference = transaction.wire_reference
    return redirect(transaction.callback_url, trxref=reference, reference=reference)


def _page(transaction: Transaction, notice: str | None = None) -> Response:
    if not transaction.open:
        return message_page("Payment", f"This payment is {transaction.status}.", 410)
    return payment_page(
        title="Payment",
        amount=display(transaction.amount, transaction.currency),
        facts=[("Reference", transaction.wire_reference), ("E-mail", transaction.email)],
        buttons=[Button("pay", "Pay", main=True), Button("decline", "Decline"), Button("cancel", "Cancel")],
        notice=notice,
    )
