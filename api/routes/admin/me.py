"""`/v1/admin/me`: who the caller is."""

from fastapi import APIRouter
from pydantic import Field

from api.errors import Unauthorized, Unavailable, problem_responses
from api.operators import Viewing
from api.schemas_answers import View
from domain.operator import Role

router = APIRouter(prefix="/me")


class OperatorView(View):
    """An operator."""

    id: str = Field(description="Id of the operator.", examples=["op_01jdk2m3xv8q4w7y9z0a1b2c3d"])
    name: str = Field(description="For people.", examples=["Ada"])
    role: Role = Field(description="What it may do: each role may do what the ones before it may.")


@router.get(
    "",
    response_model=OperatorView,
    summary="Read who is calling",
    responses=problem_responses(Unauthorized, Unavailable),
)
async def get(operator: Viewing) -> OperatorView:
    """The operator behind the token."""
    return OperatorView(id=operator.id, name=operator.name, role=operator.role)
