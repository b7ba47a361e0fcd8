"""`/v1/admin/errors`: what goes wrong, in groups."""

from datetime import timedelta
from typing import Final

from fastapi import APIRouter

from api.auth import Parts
from api.errors import Forbidden, InvalidRequest, Unauthorized, Unavailable, problem_responses
from api.operators import Viewing
from api.periods import Since, Until, period
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
    since: Since = None,
    until: Until = None,
) -> ErrorLog:
    """What alike went wrong is one group, most frequent first. At most 31 days and 100 groups."""
    begin, end = period(since, until, longest=_LONGEST)
    async with parts.database.transaction() as session:
        found = await error_log.groups(session, begin, end)
    return ErrorLog(data=[ErrorGroupView.model_validate(each._asdict()) for each in found])
