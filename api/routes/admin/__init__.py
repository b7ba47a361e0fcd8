"""What operators see and steer: `/v1/admin/`, one file per concept, gathered here."""

from fastapi import APIRouter

from api.routes.admin import (
    accounts,
    alerts,
    audit,
    codec,
    customers,
    lists,
    me,
    policy,
    reviews,
    screening,
    switches,
)

router = APIRouter(prefix="/v1/admin", tags=["admin"])
for each in (me, accounts, switches, reviews, alerts, policy, screening, lists, audit, codec, customers):
    router.include_router(each.router)
