"""`/v1/admin/lists`: what is always refused, and what is never stopped."""

from typing import Annotated

from fastapi import APIRouter, Path, Query
from pydantic import Field

from api.auth import Parts
from api.errors import (
    BodyTooLarge,
    CardDataRefused,
    Forbidden,
    InvalidRequest,
    MalformedRequest,
    NotFound,
    Unauthorized,
    Unavailable,
    UnsupportedMediaType,
    problem_responses,
)
from api.operators import Steering, Viewing
from api.schemas import Body
from api.schemas_admin import Why
from api.schemas_answers import Page, Time, View
from domain.screening import ListEffect, ListKind
from screening.lists import LONGEST, BadListEntry, written
from storage import lists

router = APIRouter(prefix="/lists")

EntryId = Annotated[str, Path(pattern="^le_[0-9a-z]{26}$", description="Id of the entry.")]


class ListEntryBody(Body):
    """`POST /v1/admin/lists`."""

    effect: ListEffect = Field(description="`block`: always refused. `allow`: never stopped by its score.")
    kind: ListKind = Field(description="What the value is.")
    value: Annotated[str, Field(min_length=1, max_length=LONGEST)] = Field(
        description="A BIN of 6 or 8 digits, an address or range, an e-mail address, a domain with all below "
        "it, a country.",
        examples=["192.0.2.0/24"],
    )
    reason: Why = Field(description="Why, for the record.", examples=["chargebacks, case 4711"])


class ListEntryView(View):
    """One entry."""

    id: str = Field(description="Id of the entry.", examples=["le_01jdk2m3xv8q4w7y9z0a1b2c3d"])
    effect: ListEffect = Field(description="What follows where it fits.")
    kind: ListKind = Field(description="What the value is.")
    value: str = Field(description="In the one way of writing it.", examples=["192.0.2.0/24"])
    reason: str = Field(description="Why it is there.")
    actor: str = Field(
        description="Who wrote it: an operator's id, or `cli:` and the user of a shell.",
        examples=["op_01jdk2m3xv8q4w7y9z0a1b2c3d"],
    )
    created_at: Time = Field(description="When it was first written.")


@router.get(
    "",
    response_model=Page[ListEntryView],
    summary="List what is blocked and allowed",
    responses=problem_responses(Unauthorized, InvalidRequest, Unavailable),
)
async def page(
    parts: Parts,
    _operator: Viewing,
    limit: Annotated[int, Query(ge=1, le=100, description="Entries in this part.")] = 20,
    cursor: Annotated[
        str | None, Query(pattern="^le_[0-9a-z]{26}$", description="`next_cursor` of the part before.")
    ] = None,
    kind: Annotated[ListKind | None, Query(description="Only those of this kind.")] = None,
    effect: Annotated[ListEffect | None, Query(description="Only those with this effect.")] = None,
) -> Page[ListEntryView]:
    """Newest first."""
    async with parts.database.transaction() as session:
        rows = await lists.page(session, limit=limit + 1, before=cursor, kind=kind, effect=effect)
    more = len(rows) > limit
    return Page[ListEntryView](
        data=[_view(row) for row in rows[:limit]],
        has_more=more,
        next_cursor=rows[limit - 1].id if more else None,
    )


@router.post(
    "",
    response_model=ListEntryView,
    status_code=201,
    summary="Block or allow something",
    responses=problem_responses(
        MalformedRequest,
        Unauthorized,
        Forbidden,
        BodyTooLarge,
        UnsupportedMediaType,
        InvalidRequest,
        CardDataRefused,
        Unavailable,
    ),
)
async def add(body: ListEntryBody, parts: Parts, operator: Steering) -> ListEntryView:
    """At once, for checkouts that are not planned yet. What is listed already gets the new effect."""
    try:
        value = written(body.kind, body.value)
    except BadListEntry as error:
        raise InvalidRequest.at("/value", "invalid_value", str(error)) from None
    async with parts.database.transaction() as session:
        row = await lists.add(
            session, body.effect, body.kind, value, actor=operator.actor, reason=body.reason
        )
    return _view(row)


@router.delete(
    "/{entry_id}",
    response_model=ListEntryView,
    summary="Take an entry off the lists",
    responses=problem_responses(Unauthorized, Forbidden, NotFound, InvalidRequest, Unavailable),
)
async def remove(
    entry_id: EntryId,
    parts: Parts,
    operator: Steering,
    reason: Annotated[Why, Query(description="Why, for the record.")],
) -> ListEntryView:
    """Answers with what it was."""
    async with parts.database.transaction() as session:
        row = await lists.remove(session, entry_id, actor=operator.actor, reason=reason)
    if row is None:
        raise NotFound("There is no such entry.")
    return _view(row)


def _view(row: lists.Entry) -> ListEntryView:
    return ListEntryView.model_validate(row.model_dump())
