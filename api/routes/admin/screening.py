"""`/v1/admin/checkouts/{id}/screening`: what screening says of a checkout, and why."""

from fastapi import APIRouter
from pydantic import Field

from api.auth import Parts
from api.errors import NotFound, Unauthorized, Unavailable, problem_responses
from api.operators import Viewing
from api.routes.checkouts import CheckoutId
from api.schemas_answers import View
from domain.screening import Assessment, Signal, Verdict
from storage import checkouts

router = APIRouter(prefix="/checkouts")


class ReasonView(View):
    """One signal that was seen."""

    signal: Signal = Field(description="What was seen.", examples=["ip_cards"])
    points: int = Field(description="What it adds to the score.", examples=[45])
    value: float | None = Field(description="What was counted or measured.", examples=[7])
    detail: str | None = Field(description="What the number does not say.", examples=["US, NG"])


class ScreeningView(View):
    """The judgement that was recorded before anything was sent."""

    checkout_id: str = Field(examples=["co_01jdk2m3xv8q4w7y9z0a1b2c3d"], description="The checkout.")
    verdict: Verdict | None = Field(
        description="What screening says; null: it was off, or the checkout is not planned."
    )
    enforced: bool = Field(description="Whether it was followed: `false` in a dry run.")
    score: int | None = Field(description="0 to 100.", examples=[70])
    reasons: list[ReasonView] = Field(description="What made the score.")


@router.get(
    "/{checkout_id}/screening",
    response_model=ScreeningView,
    summary="Read what screening says of a checkout",
    responses=problem_responses(Unauthorized, NotFound, Unavailable),
)
async def get(checkout_id: CheckoutId, parts: Parts, _operator: Viewing) -> ScreeningView:
    """Verdict, score and reasons. Merchants see none of it but the decline that followed."""
    async with parts.database.transaction() as session:
        row = await checkouts.get(session, checkout_id)
    if row is None:
        raise NotFound("There is no such checkout.")
    found = None if row.screening is None else Assessment.model_validate(row.screening)
    return ScreeningView(
        checkout_id=row.id,
        verdict=None if found is None else found.verdict,
        enforced=found is not None and found.enforced,
        score=None if found is None else found.score,
        reasons=[] if found is None else [ReasonView(**reason.model_dump()) for reason in found.reasons],
    )
