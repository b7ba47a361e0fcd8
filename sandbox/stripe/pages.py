"""Stripe's pages: Checkout and the 3-D Secure challenge."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from sandbox.currency import display
from sandbox.pages import Button, action_of, message_page, payment_page, redirect
from sandbox.stripe.models import PAID, Intent, IntentStatus, Session, SessionStatus
from sandbox.stripe.money import to_iso
from sandbox.stripe.simulator import FAILS_WITH, PAYS_WITH, Stripe
from sandbox.world import World

_DECLINED = "Your card was declined. Try again."


def stripe_pages(world: World, stripe: Stripe) -> APIRouter:
    router = APIRouter(prefix="/pay/stripe", include_in_schema=False)

    @router.get("/checkout/{session_id}")
    async def checkout(session_id: str) -> Response:
        session = world.objects.get(Session, session_id)
        if session is None:
            return message_page("Checkout", "There is no such page.", 404)
        return _checkout(session)

    @router.post("/checkout/{session_id}")
    async def checkout_action(session_id: str, request: Request) -> Response:
        action = await action_of(request)
        session = world.objects.get(Session, session_id)
        if session is None:
            return message_page("Checkout", "There is no such page.", 404)
        if session.status is not SessionStatus.OPEN:
            return _checkout(session)
        if action == "cancel":
            if session.cancel_url is None:
                return message_page("Checkout", "You left without paying.")
            return redirect(session.cancel_url)
        with world.database.transaction():
            intent = stripe.sessions.pay(session, PAYS_WITH if action == "pay" else FAILS_WITH)
        if intent.status in PAID:
            return redirect(session.success_url.replace("{CHECKOUT_SESSION_ID}", session.id))
        return _checkout(session, _DECLINED)

    @router.get("/challenge/{intent_id}")
    async def challenge(intent_id: str) -> Response:
        intent = world.objects.get(Intent, intent_id)
        if intent is None:
            return message_page("3-D Secure", "There is no such page.", 404)
        return _challenge(intent)

    @router.post("/challenge/{intent_id}")
    async def challenge_action(intent_id: str, request: Request) -> Response:
        action = await action_of(request)
        intent = world.objects.get(Intent, intent_id)
        if intent is None:
            return message_page("3-D Secure", "There is no such page.", 404)
        if intent.status is not IntentStatus.REQUIRES_ACTION:
            return _challenge(intent)
        with world.database.transaction():
            if action == "pay":
                stripe.intents.pass_challenge(intent)
            else:
                stripe.intents.fail_challenge(intent)
        if intent.return_url is None:
            return message_page("3-D Secure", "Done. You can close this page.")
        return redirect(
            intent.return_url,
            payment_intent=intent.id,
            payment_intent_client_secret=intent.client_secret,
            redirect_status="succeeded" if intent.status in PAID else "failed",
        )

    return router


def _checkout(session: Session, notice: str | None = None) -> Response:
    if session.status is SessionStatus.COMPLETE:
        return message_page("Checkout", "This has been paid.", 410)
    if session.status is SessionStatus.EXPIRED:
        return message_page("Checkout", "This page has expired.", 410)
    return payment_page(
        title="Checkout",
        amount=display(to_iso(session.amount_total, session.currency), session.currency),
        facts=[
            ("For", session.title),
            ("Reference", session.reference or session.id),
            ("E-mail", session.customer_email or "not given"),
        ],
        buttons=[Button("pay", "Pay", main=True), Button("decline", "Decline"), Button("cancel", "Cancel")],
        notice=notice,
    )


def _challenge(intent: Intent) -> Response:
    if intent.status is not IntentStatus.REQUIRES_ACTION:
        return message_page("3-D Secure", "There is nothing to confirm any more.", 410)
    return payment_page(
        title="3-D Secure: is it you?",
        amount=display(to_iso(intent.amount, intent.currency), intent.currency),
        facts=[("Reference", intent.reference or intent.id)],
        buttons=[Button("pay", "Complete", main=True), Button("fail", "Fail")],
    )
