"""`/v1/admin/routing/resolve`: the plan that a hypothetical checkout would get, for operators."""

from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import Field

from api.auth import Parts
from api.errors import InvalidRequest, Unauthorized, Unavailable, problem_responses
from api.operators import Viewing
from api.resolving import Question
from api.routes.routing import explain
from api.schemas_answers import RoutingView

router = APIRouter(prefix="/routing")


class OperatorsQuestion(Question):
    merchant: Annotated[
        str | None,
        Field(pattern="^mer_[0-9a-z]{26}$", description="Whose checkout; left out: no rule about merchants."),
    ] = None


@router.get(
    "/resolve",
    response_model=RoutingView,
    summary="Explain a route to an operator",
    responses=problem_responses(Unauthorized, InvalidRequest, Unavailable),
)
async def resolve(
    parts: Parts, _operator: Viewing, question: Annotated[OperatorsQuestion, Query()]
) -> Response:
    """As `GET /v1/routing/resolve`, for any merchant or none. Nothing is charged."""
    return await explain(parts, question, question.merchant)
