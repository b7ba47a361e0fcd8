"""Bring a checkout to the end that the workflow decided on."""

from sqlmodel.ext.asyncio.session import AsyncSession
from temporalio import activity

from activities import measuring
from activities.attempting import START_EXPIRED
from activities.context import Context
from activities.errors import Gone
from activities.messages import FinishCheckout, Finished
from domain.attempt import AttemptStatus
from domain.checkout import CheckoutStatus
from domain.decline import Decline, DeclineCategory, DeclineCode
from storage import attempts, checkouts
from storage.events import alert, last_skipped
from storage.tables import Checkout

_NO_ACCOUNT = Decline(
    category=DeclineCategory.CONFIGURATION,
    code=DeclineCode.NO_ELIGIBLE_GATEWAY,
    message="No configured account can take this payment; `routing.excluded` says why.",
)
_BLOCKED = Decline(
    category=DeclineCategory.CONFIGURATION,
    code=DeclineCode.BLOCKED_BY_RULE,
    message="A routing rule refuses this payment; nobody was asked. `routing.blocked_by` names the rule.",
)
_REFUSED = Decline(
    category=DeclineCategory.FRAUD,
    code=DeclineCode.SUSPECTED_FRAUD,
    message="Screening refuses this payment; nobody was asked.",
)
_TOO_LATE = Decline(
    category=DeclineCategory.SOFT,
    code=DeclineCode.START_EXPIRED,
    message="It could not be sent in time, and nobody expects the charge any more; nobody was asked.",
)
_NOBODY_REACHED = Decline(
    category=DeclineCategory.SOFT,
    code=DeclineCode.GATEWAY_UNAVAILABLE,
    message="No account that can take this payment could be reached.",
)


class Finishing:
    def __init__(self, context: Context) -> None:
        self._context = context

    @activity.defn
    async def finish_checkout(self, task: FinishCheckout) -> Finished:
        """Write the status and, for a failure, the decline that explains it. A final status stays."""
        async with self._context.database.transaction() as session:
            checkout = await checkouts.get(session, task.checkout_id)
            if checkout is None:
                raise Gone(task.checkout_id)
            values: dict[str, object] = {"next_action": None, "review_reason": task.review_reason}
            if task.status is CheckoutStatus.FAILED:
                decline = _REFUSED if task.refused else await self._decline(session, checkout)
                values["decline"] = decline.model_dump(mode="json")
            try:
                await checkouts.advance(session, checkout.id, task.status, **values)
            except checkouts.IllegalTransition as refusal:
                return Finished(status=refusal.now)
            if task.status.final and not CheckoutStatus(checkout.status).final:
                measuring.checkout_ended(session, task.status)
            if task.status is CheckoutStatus.IN_REVIEW:
                await alert(
                    session,
                    f"checkout.in_review.{task.review_reason}",
                    checkout.id,
                    "A checkout waits for a person's decision.",
                )
        return Finished(status=task.status)

    @staticmethod
    async def _decline(session: AsyncSession, checkout: Checkout) -> Decline:
        made = await attempts.of_checkout(session, checkout.id)
        for attempt in reversed(made):
            if attempt.status == AttemptStatus.DECLINED and attempt.decline is not None:
                return Decline.model_validate(attempt.decline)
        if made:
            return _NOBODY_REACHED
        skipped = await last_skipped(session, checkout.id)
        if skipped == START_EXPIRED:
            return _TOO_LATE
        return _BLOCKED if (checkout.routing or {}).get("blocked_by") else _NO_ACCOUNT
