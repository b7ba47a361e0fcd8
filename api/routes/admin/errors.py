"""`/v1/admin/errors`: what goes wrong, in groups."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Final

from fastapi import APIRouter, Query

from api.auth import Parts
from api.errors import Forbidden, InvalidRequest, Unauthorized, Unavailable, problem_responses
from api.operators import Viewing
from api.schemas_overview import ErrorGroupView, ErrorLog
from storage import error_log

router = APIRouter(prefix="/errors")

_LONGEST: Final = timedelta(days=31)


@router.get(
    "",
    response_model=ErrorLog,
    summary="Read the error log",
    responses=problem_responses(Unauthorized, Forbidden, InvalidRequest, Unavailable),
)
async def get(
    parts: Parts,
    _operator: Viewing,
    since: Annotated[datetime | None, Query(description="From then on; a day before if left out.")] = None,
    until: Annotated[datetime | None, Query(description="Until just before; now if left out.")] = None,
) -> ErrorLog:
    """What alike went wrong is one group, most frequent first. At most 31 days and 100 groups."""
    for name, when in (("since", since), ("until", until)):
        if when is not None and when.tzinfo is None:
            raise InvalidRequest.at(f"query:{name}", "invalid", "must be a time with its zone (RFC 3339)")
    end = until or datetime.now(UTC)
    begin = since or end - timedelta(days=1)
    if not timedelta(0) < end - begin <= _LONGEST:
        raise InvalidRequest.at("query:since", "invalid", "must be before `until`, by at most 31 days")
    async with parts.database.transaction() as session:
        found = await error_log.groups(session, begin, end)
    return ErrorLog(data=[ErrorGroupView.model_validate(each._asdict()) for each in found])
