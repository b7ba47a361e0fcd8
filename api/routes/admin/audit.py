"""`/v1/admin/audit`: who did what, when, from where and why."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query

from api.auth import Parts
from api.errors import Forbidden, InvalidRequest, Unauthorized, Unavailable, problem_responses
from api.operators import Administering
from api.schemas_admin import AuditEntryView
from api.schemas_answers import Page
from api.schemas_fields import Reference
from storage import audit_log

router = APIRouter(prefix="/audit")


@router.get(
    "",
    response_model=Page[AuditEntryView],
    summary="List the audit log",
    responses=problem_responses(Unauthorized, Forbidden, InvalidRequest, Unavailable),
)
async def page(
    parts: Parts,
    _operator: Administering,
    limit: Annotated[int, Query(ge=1, le=100, description="Entries in this part.")] = 20,
    cursor: Annotated[
        str | None,
        Query(pattern="^[1-9][0-9]{0,17}$", description="`next_cursor` of the part before."),
    ] = None,
    actor: Annotated[Reference | None, Query(description="Only what this one did.")] = None,
    action: Annotated[Reference | None, Query(description="Only this kind.")] = None,
    subject: Annotated[Reference | None, Query(description="Only what was done to this.")] = None,
    checkout: Annotated[
        Reference | None,
        Query(description="Only this checkout's, its attempts' and refunds' transitions."),
    ] = None,
    since: Annotated[datetime | None, Query(description="From this time on.")] = None,
    until: Annotated[datetime | None, Query(description="Before this time.")] = None,
) -> Page[AuditEntryView]:
    """Newest first."""
    for name, time in (("since", since), ("until", until)):
        if time is not None and time.tzinfo is None:
            raise InvalidRequest.at(f"query:{name}", "no_offset", "needs an offset from UTC, as in RFC 3339")
    async with parts.database.transaction() as session:
        rows = await audit_log.page(
            session,
            limit=limit + 1,
            before=None if cursor is None else int(cursor),
            actor=actor,
            action=action,
            subject=subject,
            checkout_id=checkout,
            since=since,
            until=until,
        )
    shown = rows[:limit]
    more = len(rows) > limit
    return Page[AuditEntryView](
        data=[AuditEntryView.model_validate(row.model_dump()) for row in shown],
        has_more=more,
        next_cursor=str(shown[-1].id) if more else None,
    )
