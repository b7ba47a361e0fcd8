"""What people decide about checkouts in review, in the timeline and in the record of admin changes."""

from sqlmodel.ext.asyncio.session import AsyncSession

from storage import audit_log
from storage.events import tell


async def asked(session: AsyncSession, checkout_id: str, decision: str, *, actor: str, reason: str) -> None:
    """A person has decided; the checkout's run is told next."""
    await audit_log.record(
        session,
        actor=actor,
        action="review.decided",
        subject=checkout_id,
        after={"decision": decision},
        reason=reason,
    )
    tell(session, checkout_id, "review.decided", decision=decision, actor=actor)


async def refused(session: AsyncSession, checkout_id: str, decision: str, *, actor: str, why: str) -> None:
    """The run did not take the decision. `why`: a code."""
    await audit_log.record(
        session,
        actor=actor,
        action="review.decision_refused",
        subject=checkout_id,
        after={"decision": decision, "why": why},
    )
    tell(session, checkout_id, "review.decision_refused", decision=decision, why=why)
