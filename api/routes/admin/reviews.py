"""`/v1/admin/checkouts/{id}/decide`: what a person makes of a checkout in review."""

import asyncio

from fastapi import APIRouter

from api.auth import Parts
from api.commands import decide_checkout
from api.errors import (
    BodyTooLarge,
    CardDataRefused,
    Forbidden,
    InProgress,
    InvalidRequest,
    MalformedRequest,
    NotFound,
    NotInReview,
    Unauthorized,
    Unavailable,
    UnsupportedMediaType,
    WrongDecision,
    problem_responses,
)
from api.operators import Steering
from api.routes.checkouts import CheckoutId
from api.schemas_admin import DecideBody
from api.schemas_answers import Checkout
from api.services import Services
from api.views import checkout_view
from api.waiting import read, until
from domain.checkout import CheckoutStatus
from storage import checkouts
from workflows.messages import Decision

router = APIRouter(prefix="/checkouts")


@router.post(
    "/{checkout_id}/decide",
    response_model=Checkout,
    summary="Decide a checkout in review",
    responses=problem_responses(
        MalformedRequest,
        Unauthorized,
        Forbidden,
        NotFound,
        NotInReview,
        WrongDecision,
        InProgress,
        BodyTooLarge,
        UnsupportedMediaType,
        InvalidRequest,
        CardDataRefused,
        Unavailable,
    ),
)
async def decide(checkout_id: CheckoutId, body: DecideBody, parts: Parts, operator: Steering) -> Checkout:
    """The checkout goes on from the decision; money that shows up later all the same is given back."""
    async with parts.database.transaction() as session:
        row = await checkouts.get(session, checkout_id)
    if row is None:
        raise NotFound("There is no such checkout.")
    news = parts.changes.subscribe(checkout_id)
    try:
        await decide_checkout(parts, row, body.decision, actor=operator.actor, reason=body.reason)
        if body.decision is not Decision.LOOK_AGAIN:
            await _left_review(parts, checkout_id, news)
    finally:
        parts.changes.unsubscribe(checkout_id, news)
    return checkout_view(*await read(parts, checkout_id))


async def _left_review(parts: Services, checkout_id: str, news: asyncio.Event) -> None:
    await until(
        lambda: read(parts, checkout_id),
        lambda found: found[0].status != CheckoutStatus.IN_REVIEW,
        news,
        parts.settings.default_wait,
    )
