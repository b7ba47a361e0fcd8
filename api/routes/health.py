"""For machines: alive, ready, measured. And two plain pages for people."""

from html import escape

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel, Field
from sqlalchemy.exc import SQLAlchemyError
from starlette.responses import HTMLResponse

from activities.policy_in_force import PolicyInForce, RoutingStatus
from api.auth import Parts
from api.door import reachable
from api.errors import Unavailable, problem_kinds, problem_responses

router = APIRouter(tags=["health"])


class Health(BaseModel):
    status: str = Field(description="`ok`.", examples=["ok"])


class Readiness(Health):
    routing: RoutingStatus | None = Field(
        default=None, description="The routing policy in force in this process, and the age of its data."
    )


@router.get("/healthz", response_model=Health, summary="Alive")
async def healthz() -> Health:
    """This process answers."""
    return Health(status="ok")


@router.get("/readyz", response_model=Readiness, summary="Ready", responses=problem_responses(Unavailable))
async def readyz(parts: Parts) -> Readiness:
    """The database is reachable and at the schema of this code, and Temporal is reachable."""
    try:
        version = await parts.database.schema_version()
    except (SQLAlchemyError, OSError, TimeoutError):
        raise Unavailable("The database cannot be reached.") from None
    if version != parts.schema_head:
        raise Unavailable("The database is not at the schema of this version; run the migrations.")
    if not await reachable(parts.temporal):
        raise Unavailable("Temporal cannot be reached.")
    router = parts.router
    return Readiness(status="ok", routing=router.status() if isinstance(router, PolicyInForce) else None)


@router.get("/metrics", include_in_schema=False)
async def metrics() -> Response:
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)


@router.get("/returned", include_in_schema=False)
async def returned() -> HTMLResponse:
    """Where a customer lands whose shop named no `return_url`."""
    return HTMLResponse(_page("Thank you", "<p>You can close this window and go back to the shop.</p>"))


@router.get("/docs/problems", include_in_schema=False)
async def problems() -> HTMLResponse:
    """What every problem document's `type` points at."""
    rows = "".join(
        f'<section id="{escape(code)}"><h2><code>{escape(code)}</code> ({int(kind.status)})</h2>'
        f"<p><strong>{escape(kind.title)}.</strong> {escape(kind.explanation)}</p></section>"
        for code, kind in sorted(problem_kinds().items())
    )
    return HTMLResponse(_page("Problems", rows))


def _page(title: str, body: str) -> str:
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<main><h1>{title}</h1>{body}</main></html>"
    )
