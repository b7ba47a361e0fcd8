"""`/v1/checkouts/{id}/refunds` and `/v1/refunds/{id}`: give money back, and see how it goes."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Response

from api.auth import CheckoutsReader, Parts, RefundsWriter
from api.errors import (
    BodyTooLarge,
    CardDataRefused,
    IdempotencyKeyInvalid,
    IdempotencyKeyMissing,
    IdempotencyKeyReused,
    InvalidRequest,
    MalformedRequest,
    NotFound,
    NotRefundable,
    Overloaded,
    PaymentDisputed,
    RefundExceedsCaptured,
    RefundsFrozen,
    Unauthorized,
    Unavailable,
    UnsupportedMediaType,
    problem_responses,
)
from api.refund_requests import accept_refund, decided, refund_view, start
from api.routes.checkouts import CheckoutId
from api.schemas_answers import Page
from api.schemas_headers import idempotency_key, prefer_wait
from api.schemas_refunds import Refund, RefundBody
from storage import checkouts, refunds

router = APIRouter(prefix="/v1", tags=["refunds"])

RefundId = Annotated[str, Path(pattern="^re_[0-9a-z]{26}$", description="Id of the refund.")]


@router.post(
    "/checkouts/{checkout_id}/refunds",
    status_code=201,
    response_model=Refund,
    summary="Refund a checkout",
    responses={
        200: {"model": Refund, "description": "The same request came before: its refund as it is now."},
        **problem_responses(
            MalformedRequest,
            Unauthorized,
            BodyTooLarge,
            UnsupportedMediaType,
            InvalidRequest,
            CardDataRefused,
            NotFound,
            NotRefundable,
            RefundExceedsCaptured,
            PaymentDisputed,
            IdempotencyKeyMissing,
            IdempotencyKeyInvalid,
            IdempotencyKeyReused,
            Overloaded,
            Unavailable,
            RefundsFrozen,
        ),
    },
)
async def create(
    checkout_id: CheckoutId,
    response: Response,
    parts: Parts,
    merchant: RefundsWriter,
    key: Annotated[str, Depends(idempotency_key)],
    wait: Annotated[float | None, Depends(prefer_wait)],
    body: RefundBody | None = None,
) -> Refund:
    """Give back all that is left, or part of it. Answers when the gateway has decided, or after
    `Prefer: wait` seconds with `pending`."""
    with parts.door.enter():
        news = parts.changes.subscribe(checkout_id)
        try:
            refund, new = await accept_refund(parts, checkout_id, merchant, key, body or RefundBody())
            if new:
                await start(parts, refund)
                seconds = parts.settings.default_wait if wait is None else wait
                refund = await decided(parts, refund.id, news, seconds)
        finally:
            parts.changes.unsubscribe(checkout_id, news)
        if not new:
            response.status_code = 200
            response.headers["Idempotent-Replayed"] = "true"
            if refund.looked_at is None:
                await start(parts, refund)
        async with parts.database.transaction() as session:
            checkout = await checkouts.get(session, checkout_id, merchant)
        if checkout is None:
            raise NotFound
        return refund_view(refund, checkout.currency)


@router.get(
    "/checkouts/{checkout_id}/refunds",
    response_model=Page[Refund],
    summary="List a checkout's refunds",
    responses=problem_responses(Unauthorized, NotFound, InvalidRequest, Unavailable),
)
async def page(
    checkout_id: CheckoutId,
    parts: Parts,
    merchant: CheckoutsReader,
    limit: Annotated[int, Query(ge=1, le=100, description="Entries in this part.")] = 20,
    cursor: Annotated[
        str | None,
        Query(pattern="^re_[0-9a-z]{26}$", description="`next_cursor` of the part before."),
    ] = None,
) -> Page[Refund]:
    """Newest first. What an abandoned attempt took and gave back shows on that attempt, not here."""
    async with parts.database.transaction() as session:
        checkout = await checkouts.get(session, checkout_id, merchant)
        if checkout is None:
            raise NotFound
        rows = await refunds.of_checkout(session, checkout_id, limit=limit + 1, before=cursor)
    shown = rows[:limit]
    more = len(rows) > limit
    return Page[Refund](
        data=[refund_view(row, checkout.currency) for row in shown],
        has_more=more,
        next_cursor=shown[-1].id if more else None,
    )


@router.get(
    "/refunds/{refund_id}",
    response_model=Refund,
    summary="Read a refund",
    responses=problem_responses(Unauthorized, NotFound, Unavailable),
)
async def get(refund_id: RefundId, parts: Parts, merchant: CheckoutsReader) -> Refund:
    """How the refund stands."""
    async with parts.database.transaction() as session:
        row = await refunds.get(session, refund_id, merchant)
        checkout = None if row is None else await checkouts.get(session, row.checkout_id, merchant)
    if row is None or checkout is None:
        raise NotFound
    return refund_view(row, checkout.currency)
