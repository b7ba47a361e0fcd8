"""`/v1/admin/me`: who the caller is."""

from fastapi import APIRouter

from api.errors import Unauthorized, Unavailable, problem_responses
from api.operators import Viewing
from api.schemas_admin import OperatorView

router = APIRouter(prefix="/me")


@router.get(
    "",
    response_model=OperatorView,
    summary="Read who is calling",
    responses=problem_responses(Unauthorized, Unavailable),
)
async def get(operator: Viewing) -> OperatorView:
    """The operator behind the token."""
    return OperatorView(id=operator.id, name=operator.name, role=operator.role)
