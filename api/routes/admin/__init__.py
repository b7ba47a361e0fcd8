"""What operators see and steer: `/v1/admin/`, one file per concept, gathered here."""

from fastapi import APIRouter

from api.routes.admin import (
    accounts,
    actions,
    alerts,
    audit,
    codec,
    customers,
    errors,
    gateways,
    identity,
    lists,
    operators,
    overview,
    policy,
    resolve,
    reviews,
    screening,
    switches,
    transactions,
)

router = APIRouter(prefix="/v1/admin", tags=["admin"])
for each in (
    identity,
    operators,
    overview,
    transactions,
    actions,
    reviews,
    gateways,
    accounts,
    switches,
    alerts,
    policy,
    resolve,
    screening,
    lists,
    audit,
    codec,
    customers,
    errors,
):
    router.include_router(each.router)
