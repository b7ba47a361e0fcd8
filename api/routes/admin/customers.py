"""`/v1/admin/customers/erase`: the end of what is kept of a person."""

from fastapi import APIRouter

from api.auth import Parts
from api.errors import (
    BodyTooLarge,
    CardDataRefused,
    Forbidden,
    InProgress,
    InvalidRequest,
    MalformedRequest,
    NotFound,
    Unauthorized,
    Unavailable,
    UnsupportedMediaType,
    problem_responses,
)
from api.operators import Administering
from api.schemas_admin import EraseBody, Erased
from storage import merchants, personal

router = APIRouter(prefix="/customers")


@router.post(
    "/erase",
    response_model=Erased,
    summary="Erase a customer",
    responses=problem_responses(
        MalformedRequest,
        Unauthorized,
        Forbidden,
        NotFound,
        InProgress,
        BodyTooLarge,
        UnsupportedMediaType,
        InvalidRequest,
        CardDataRefused,
        Unavailable,
    ),
)
async def erase(body: EraseBody, parts: Parts, operator: Administering) -> Erased:
    """Delete the keys of a customer's personal data. Their checkouts stay, without it. Cannot be undone."""
    async with parts.database.transaction() as session:
        merchant = await merchants.find_merchant(session, body.merchant)
        if merchant is None:
            raise NotFound("There is no such merchant.")
        try:
            count = await personal.erase(
                session, merchant.id, body.email, actor=operator.actor, reason=body.reason
            )
        except personal.StillOpen:
            raise InProgress("A checkout of this customer is under way; try again when it is over.") from None
    return Erased(checkouts=count)
