"""`smartpay decide`: what a person makes of a checkout in review."""

import asyncio
import sys
from datetime import timedelta
from typing import Annotated

import typer
from sqlmodel.ext.asyncio.session import AsyncSession
from temporalio.client import WorkflowUpdateFailedError, WorkflowUpdateRPCTimeoutOrCancelledError
from temporalio.service import RPCError

from cli.acting import LONGEST_REASON, actor, said
from cli.running import fail, run
from config.settings import Settings
from config.temporal import connect
from domain.checkout import CheckoutStatus, ReviewReason
from storage import checkouts, reviews
from workflows.messages import CommandResult, DecideReview, Decision

TAKEN_WITHIN = timedelta(seconds=10)


def decide(
    checkout: Annotated[str, typer.Argument(help="Its id, co_...")],
    decision: Annotated[
        Decision,
        typer.Argument(
            help="not_paid: the gateway has confirmed that it took nothing. look_again: ask it now. "
            "For a review of the risk: approve, the checkout goes on; decline, it fails."
        ),
    ],
    reason: Annotated[str, typer.Option("--reason", help="How it is known, for the record.")],
) -> None:
    """Decide a checkout in review. Money that shows up later all the same is given back."""
    why, who = said(reason, "reason", longest=LONGEST_REASON), actor()

    async def ask(session: AsyncSession) -> str | None:
        row = await checkouts.get(session, checkout)
        if row is None:
            return f"There is no checkout {checkout!r}."
        if row.status != CheckoutStatus.IN_REVIEW:
            return f"The checkout is not in review: it is {row.status}."
        if not decision.fits(ReviewReason(row.review_reason) if row.review_reason else None):
            fitting = " or ".join(
                each for each in Decision if each.fits(ReviewReason(row.review_reason or "mismatch"))
            )
            return f"The checkout is in review for {row.review_reason}: decide {fitting}."
        await reviews.asked(session, row.id, decision, actor=who, reason=why)
        return None

    wrong = run(ask)
    if wrong is not None:
        fail(wrong)
    refusal = asyncio.run(_relay(checkout, decision))
    if refusal is not None:

        async def take_back(session: AsyncSession) -> None:
            await reviews.refused(session, checkout, decision, actor=who, why=refusal)

        run(take_back)
        fail(f"The decision was not taken ({refusal}). Try again.")
    sys.stdout.write(f"{checkout}: {decision}\n")


async def _relay(checkout: str, decision: Decision) -> str | None:
    """Tell the checkout's run; a code where it did not take the decision."""
    try:
        client = await connect(Settings())
        await client.get_workflow_handle(f"checkout/{checkout}").execute_update(
            "decide_review",
            DecideReview(decision=decision),
            result_type=CommandResult,
            rpc_timeout=TAKEN_WITHIN,
        )
    except WorkflowUpdateFailedError:
        return "not_in_review"
    except (RPCError, RuntimeError, WorkflowUpdateRPCTimeoutOrCancelledError):
        return "temporal_unavailable"
    return None
