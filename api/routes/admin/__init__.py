"""What operators see and steer: `/v1/admin/`, one file per concept, gathered here."""

from fastapi import APIRouter

from api.routes.admin import alerts, audit, codec, customers, me, reviews, switches

router = APIRouter(prefix="/v1/admin", tags=["admin"])
for each in (me, switches, reviews, alerts, audit, codec, customers):
    router.include_router(each.router)
