"""`/v1/admin/checkouts` and `/stream`: every merchant's checkouts, listed, searched, exported, followed."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import StreamingResponse

from api import csv_export
from api.auth import Parts
from api.checkout_detail import detail_of
from api.checkout_rows import row_view
from api.cursors import cursor_of, read_cursor
from api.errors import (
    Forbidden,
    InvalidRequest,
    NotFound,
    Overloaded,
    Unauthorized,
    Unavailable,
    problem_responses,
)
from api.operators import Viewing, still_known
from api.routes.checkouts import CheckoutId
from api.schemas_answers import Page
from api.schemas_fields import Country, Currency, GatewayName, Reference
from api.schemas_transactions import CheckoutDetail, CheckoutRow
from api.services import Services
from domain.checkout import CheckoutStatus
from domain.money import MAX_AMOUNT
from domain.switches import Switch
from storage import checkout_search, switches
from storage.checkout_search import Filters
from storage.checkout_story import story_of

router = APIRouter()

EXPORTED = 100_000
"""Rows of one file, at most."""
_EXPORT_PART = 500


def filters(
    status: Annotated[CheckoutStatus | None, Query(description="Only these.")] = None,
    gateway: Annotated[GatewayName | None, Query(description="Only those at this gateway.")] = None,
    account: Annotated[GatewayName | None, Query(description="Only those at this account.")] = None,
    country: Annotated[Country | None, Query(description="Only payers from here.")] = None,
    currency: Annotated[Currency | None, Query(description="Only these.")] = None,
    amount_min: Annotated[
        int | None, Query(ge=0, le=MAX_AMOUNT, description="At least so many minor units.")
    ] = None,
    amount_max: Annotated[
        int | None, Query(ge=0, le=MAX_AMOUNT, description="At most so many minor units.")
    ] = None,
    created_from: Annotated[datetime | None, Query(description="Accepted then or later.")] = None,
    created_to: Annotated[datetime | None, Query(description="Accepted before.")] = None,
    q: Annotated[
        Reference | None,
        Query(
            description="Id of the checkout or an attempt, beginning of the reference, the gateway's payment"
            " id, e-mail address, or first 6 or 8 digits of the card."
        ),
    ] = None,
) -> Filters:
    """FastAPI dependency. Raises InvalidRequest."""
    for name, when in (("created_from", created_from), ("created_to", created_to)):
        if when is not None and when.tzinfo is None:
            raise InvalidRequest.at(f"query:{name}", "invalid", "must be a time with its zone (RFC 3339)")
    return Filters(
        status=status,
        gateway=gateway,
        account=account,
        country=country,
        currency=currency,
        amount_min=amount_min,
        amount_max=amount_max,
        created_from=created_from,
        created_to=created_to,
        q=q,
    )


Wanted = Annotated[Filters, Depends(filters)]


@router.get(
    "/checkouts",
    response_model=Page[CheckoutRow],
    summary="List all checkouts",
    responses=problem_responses(Unauthorized, Forbidden, InvalidRequest, Unavailable),
)
async def page(
    parts: Parts,
    _operator: Viewing,
    wanted: Wanted,
    limit: Annotated[int, Query(ge=1, le=100, description="Entries in this part.")] = 50,
    cursor: Annotated[
        str | None, Query(max_length=200, description="`next_cursor` of the part before.")
    ] = None,
) -> Page[CheckoutRow]:
    """Every merchant's, newest first."""
    before = None if cursor is None else read_cursor(cursor)
    async with parts.database.transaction() as session:
        found = await checkout_search.page(session, wanted, limit=limit + 1, before=before)
    shown = found[:limit]
    more = len(found) > limit
    last = shown[-1].checkout if more else None
    return Page[CheckoutRow](
        data=[row_view(each) for each in shown],
        has_more=more,
        next_cursor=None if last is None else cursor_of(last.created_at, last.id),
    )


@router.get(
    "/checkouts.csv",
    response_class=StreamingResponse,
    summary="Export checkouts",
    responses={
        200: {"content": {"text/csv": {"schema": {"type": "string"}}}, "description": "The file."},
        **problem_responses(Unauthorized, Forbidden, InvalidRequest, Unavailable),
    },
)
async def export(parts: Parts, _operator: Viewing, wanted: Wanted) -> StreamingResponse:
    """The same filters as a file, newest first, at most 100,000 rows. No text in it runs as a formula."""
    return StreamingResponse(
        _file(parts, wanted),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": 'attachment; filename="checkouts.csv"'},
    )


async def _file(parts: Services, wanted: Filters) -> AsyncIterator[str]:
    """Page by page: no transaction stays open while a slow reader takes its time."""
    yield csv_export.head()
    before: tuple[datetime, str] | None = None
    for _ in range(EXPORTED // _EXPORT_PART):
        async with parts.database.transaction() as session:
            found = await checkout_search.page(session, wanted, limit=_EXPORT_PART, before=before)
        yield csv_export.lines(row_view(each) for each in found)
        if len(found) < _EXPORT_PART:
            return
        before = found[-1].checkout.created_at, found[-1].checkout.id


@router.get(
    "/stream",
    response_class=StreamingResponse,
    summary="Follow the checkouts",
    responses={
        200: {
            "content": {"text/event-stream": {"schema": {"type": "string"}}},
            "description": "`event: checkout` with a row of the list as `data`; `event: reload`.",
        },
        **problem_responses(Unauthorized, Forbidden, Overloaded, Unavailable),
    },
)
async def stream(request: Request, parts: Parts, _operator: Viewing) -> StreamingResponse:
    """Server-sent events of what is new or changes, until the session ends."""
    parts.feed.check()
    return StreamingResponse(
        parts.feed.follow(lambda: still_known(request, parts)),
        media_type="text/event-stream",
        headers={"X-Accel-Buffering": "no"},
    )


@router.get(
    "/checkouts/{checkout_id}",
    response_model=CheckoutDetail,
    summary="Read everything about a checkout",
    responses=problem_responses(Unauthorized, Forbidden, NotFound, Unavailable),
)
async def get(checkout_id: CheckoutId, parts: Parts, _operator: Viewing) -> CheckoutDetail:
    """With its timeline in plain words."""
    return await read_detail(parts, checkout_id)


async def read_detail(parts: Services, checkout_id: str) -> CheckoutDetail:
    """Raises NotFound."""
    async with parts.database.transaction() as session:
        story = await story_of(session, checkout_id)
        frozen = await switches.frozen_accounts(session, Switch.CHARGES)
    if story is None:
        raise NotFound("There is no such checkout.")
    return detail_of(parts, story, frozen)
