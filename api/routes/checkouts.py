"""`/v1/checkouts`: create, read, list, cancel, capture."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Response

from api.accepting import accept, new_row, replayed, start
from api.auth import CheckoutsReader, CheckoutsWriter, Parts
from api.commands import cancel_checkout, capture_checkout
from api.cursors import cursor_of, read_cursor
from api.errors import (
    AlreadyPaid,
    BodyTooLarge,
    CardDataRefused,
    ChargesFrozen,
    IdempotencyKeyInvalid,
    IdempotencyKeyMissing,
    IdempotencyKeyReused,
    InProgress,
    InvalidRequest,
    MalformedRequest,
    NotCancelable,
    NotCapturable,
    NotFound,
    Overloaded,
    Unauthorized,
    Unavailable,
    UnsupportedMediaType,
    problem_responses,
)
from api.schemas import CancelBody, CaptureBody, CheckoutRequest
from api.schemas_answers import Checkout, Page
from api.schemas_fields import GatewayName, Reference
from api.schemas_headers import idempotency_key, prefer_wait
from api.services import Services
from api.views import checkout_view
from api.waiting import read, settled
from domain.checkout import CheckoutStatus
from storage import attempts, checkouts, disputes, personal, tables

router = APIRouter(prefix="/v1/checkouts", tags=["checkouts"])

CheckoutId = Annotated[str, Path(pattern="^co_[0-9a-z]{26}$", description="Id of the checkout.")]
_BODY = (MalformedRequest, Unauthorized, BodyTooLarge, UnsupportedMediaType, InvalidRequest, CardDataRefused)


@router.post(
    "",
    status_code=201,
    response_model=Checkout,
    summary="Create a checkout",
    responses={
        200: {"model": Checkout, "description": "The same request came before: its checkout as it is now."},
        **problem_responses(
            *_BODY,
            IdempotencyKeyMissing,
            IdempotencyKeyInvalid,
            IdempotencyKeyReused,
            Overloaded,
            Unavailable,
            ChargesFrozen,
        ),
    },
)
async def create(
    body: CheckoutRequest,
    response: Response,
    parts: Parts,
    merchant: CheckoutsWriter,
    key: Annotated[str, Depends(idempotency_key)],
    wait: Annotated[float | None, Depends(prefer_wait)],
) -> Checkout:
    """Route, charge and fail over. Answers when the outcome is known, or after `Prefer: wait` seconds."""
    row = new_row(parts, body, merchant, key)
    with parts.door.enter():
        news = parts.changes.subscribe(row.id)
        try:
            created = await accept(parts, row)
            if created:
                await start(parts, row)
                seconds = parts.settings.default_wait if wait is None else wait
                return checkout_view(*await settled(parts, row.id, news, seconds))
        finally:
            parts.changes.unsubscribe(row.id, news)
        existing = await replayed(parts, row)
        response.status_code = 200
        response.headers["Idempotent-Replayed"] = "true"
        if existing.planned_at is None and not parts.door.temporal_down:
            await start(parts, existing)
        return checkout_view(*await read(parts, existing.id))


@router.get(
    "/{checkout_id}",
    response_model=Checkout,
    summary="Read a checkout",
    responses=problem_responses(Unauthorized, NotFound, Unavailable),
)
async def get(checkout_id: CheckoutId, parts: Parts, merchant: CheckoutsReader) -> Checkout:
    """The checkout with its attempts and its route."""
    async with parts.database.transaction() as session:
        row = await checkouts.get(session, checkout_id, merchant)
        if row is None:
            raise NotFound
        made = await attempts.of_checkout(session, checkout_id)
        disputed = await disputes.of_checkouts(session, [checkout_id])
        person = await personal.of(session, row)
    return checkout_view(row, made, disputed.get(row.id, []), person)


@router.get(
    "",
    response_model=Page[Checkout],
    summary="List checkouts",
    responses=problem_responses(Unauthorized, InvalidRequest, Unavailable),
)
async def page(
    parts: Parts,
    merchant: CheckoutsReader,
    limit: Annotated[int, Query(ge=1, le=100, description="Entries in this part.")] = 20,
    cursor: Annotated[
        str | None, Query(max_length=200, description="`next_cursor` of the part before.")
    ] = None,
    status: Annotated[CheckoutStatus | None, Query(description="Only these.")] = None,
    gateway: Annotated[GatewayName | None, Query(description="Only those paid at this gateway.")] = None,
    reference: Annotated[Reference | None, Query(description="Only those with this reference.")] = None,
) -> Page[Checkout]:
    """Newest first."""
    async with parts.database.transaction() as session:
        rows = await checkouts.page(
            session,
            merchant,
            limit=limit + 1,
            before=None if cursor is None else read_cursor(cursor),
            status=status,
            gateway=gateway,
            reference=reference,
        )
        shown = rows[:limit]
        made = await attempts.of_checkouts(session, [row.id for row in shown])
        disputed = await disputes.of_checkouts(session, [row.id for row in shown])
        people = await personal.of_many(session, shown)
    more = len(rows) > limit
    return Page[Checkout](
        data=[
            checkout_view(row, made.get(row.id, []), disputed.get(row.id, []), people[row.id])
            for row in shown
        ],
        has_more=more,
        next_cursor=cursor_of(shown[-1].created_at, shown[-1].id) if more else None,
    )


@router.post(
    "/{checkout_id}/cancel",
    response_model=Checkout,
    summary="Cancel a checkout",
    responses=problem_responses(*_BODY, NotFound, AlreadyPaid, NotCancelable, InProgress, Unavailable),
)
async def cancel(
    checkout_id: CheckoutId,
    parts: Parts,
    merchant: CheckoutsWriter,
    wait: Annotated[float | None, Depends(prefer_wait)],
    body: CancelBody | None = None,
) -> Checkout:
    """Final once the open attempt is closed or known: until then the answer shows the checkout as it is."""
    row = await _own(parts, checkout_id, merchant)
    reason = None if body is None else body.reason
    await cancel_checkout(parts, row, reason, parts.settings.default_wait if wait is None else wait)
    return checkout_view(*await read(parts, checkout_id))


@router.post(
    "/{checkout_id}/capture",
    response_model=Checkout,
    summary="Capture an authorized checkout",
    responses=problem_responses(*_BODY, NotFound, NotCapturable, InProgress, Unavailable, ChargesFrozen),
)
async def capture(
    checkout_id: CheckoutId,
    parts: Parts,
    merchant: CheckoutsWriter,
    wait: Annotated[float | None, Depends(prefer_wait)],
    body: CaptureBody | None = None,
) -> Checkout:
    """Take all of the authorized amount, or part of it; the rest is released."""
    row = await _own(parts, checkout_id, merchant)
    amount = None if body is None else body.amount
    await capture_checkout(parts, row, amount, parts.settings.default_wait if wait is None else wait)
    return checkout_view(*await read(parts, checkout_id))


async def _own(parts: Services, checkout_id: str, merchant: str) -> tables.Checkout:
    async with parts.database.transaction() as session:
        row = await checkouts.get(session, checkout_id, merchant)
    if row is None:
        raise NotFound
    return row
