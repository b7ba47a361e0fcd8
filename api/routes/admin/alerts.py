"""`/v1/admin/alerts`: what a person has to know, and that somebody does."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Path, Query

from api.auth import Parts
from api.errors import Forbidden, InvalidRequest, NotFound, Unauthorized, Unavailable, problem_responses
from api.operators import Steering, Viewing
from api.schemas_admin import AlertDeliveryView, AlertView
from api.schemas_answers import Page
from api.schemas_fields import Reference
from storage import alert_deliveries, alerts, audit_log
from storage.tables import Alert, AlertDelivery

router = APIRouter(prefix="/alerts")

AlertId = Annotated[str, Path(pattern="^alr_[0-9a-z]{26}$", description="Id of the alert.")]


@router.get(
    "",
    response_model=Page[AlertView],
    summary="List the alerts",
    responses=problem_responses(Unauthorized, InvalidRequest, Unavailable),
)
async def page(
    parts: Parts,
    _operator: Viewing,
    limit: Annotated[int, Query(ge=1, le=100, description="Entries in this part.")] = 20,
    cursor: Annotated[
        str | None,
        Query(pattern="^alr_[0-9a-z]{26}$", description="`next_cursor` of the part before."),
    ] = None,
    kind: Annotated[Reference | None, Query(description="Only those of this kind.")] = None,
    subject: Annotated[Reference | None, Query(description="Only those about this.")] = None,
    acknowledged: Annotated[
        bool | None, Query(description="Only those that somebody has, or has not, taken note of.")
    ] = None,
) -> Page[AlertView]:
    """Newest first."""
    async with parts.database.transaction() as session:
        rows = await alerts.page(
            session, limit=limit + 1, before=cursor, kind=kind, subject=subject, acknowledged=acknowledged
        )
        shown = rows[:limit]
        told = await alert_deliveries.of_alerts(session, [row.id for row in shown])
    more = len(rows) > limit
    return Page[AlertView](
        data=[_view(row, told.get(row.id, ())) for row in shown],
        has_more=more,
        next_cursor=shown[-1].id if more else None,
    )


@router.post(
    "/{alert_id}/acknowledge",
    response_model=AlertView,
    summary="Acknowledge an alert",
    responses=problem_responses(Unauthorized, Forbidden, NotFound, Unavailable),
)
async def acknowledge(alert_id: AlertId, parts: Parts, operator: Steering) -> AlertView:
    """Somebody has taken note of it. Doing it again changes nothing."""
    async with parts.database.transaction() as session:
        row = await alerts.lock(session, alert_id)
        if row is None:
            raise NotFound("There is no such alert.")
        if row.acknowledged_at is None:
            await alerts.acknowledge(session, row.kind, row.subject)
            await audit_log.record(
                session,
                actor=operator.actor,
                action="alert.acknowledged",
                subject=row.id,
                after={"kind": row.kind, "subject": row.subject},
            )
            row = await alerts.lock(session, alert_id) or row
        told = await alert_deliveries.of_alerts(session, [row.id])
    return _view(row, told.get(row.id, ()))


def _view(row: Alert, told: Sequence[AlertDelivery]) -> AlertView:
    deliveries = [{name: getattr(each, name) for name in AlertDeliveryView.model_fields} for each in told]
    return AlertView.model_validate({**row.model_dump(), "deliveries": deliveries})
