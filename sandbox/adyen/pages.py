"""Adyen's payment page, behind a link."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from sandbox.adyen.models import Link
from sandbox.adyen.simulator import Adyen
from sandbox.currency import display
from sandbox.pages import Button, action_of, message_page, payment_page, redirect
from sandbox.vocabulary import CustomerOutcome
from sandbox.world import World


def adyen_pages(world: World, adyen: Adyen) -> APIRouter:
    router = APIRouter(prefix="/pay/adyen", include_in_schema=False)

    @router.get("/{link_id}")
    async def page(link_id: str) -> Response:
        link = world.objects.get(Link, link_id)
        return message_page("Payment", "There is no such page.", 404) if link is None else _page(link)

    @router.post("/{link_id}")
    async def page_action(link_id: str, request: Request) -> Response:
        action = await action_of(request)
        link = world.objects.get(Link, link_id)
        if link is None:
            return message_page("Payment", "There is no such page.", 404)
        if not link.open:
            return _page(link)
        if action == "cancel":
            return _back(link)
        with world.database.transaction():
            adyen.links.act(link, CustomerOutcome.PAID if action == "pay" else CustomerOutcome.FAILED)
        if not link.open:
            return _back(link)
        return _page(link, "Your payment was refused. Try again.")

    return router


def _back(link: Link) -> Response:
    if link.return_url is None:
        return message_page("Payment", "Done. You can close this page.")
    return redirect(link.return_url)


def _page(link: Link, notice: str | None = None) -> Response:
    if not link.open:
        return message_page("Payment", f"This payment link is {link.status}.", 410)
    return payment_page(
        title="Payment",
        amount=display(link.amount, link.currency),
        facts=[("Reference", link.reference or "")],
        buttons=[Button("pay", "Pay", main=True), Button("decline", "Decline"), Button("cancel", "Cancel")],
        notice=notice,
    )
