"""The composition root of the API."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from alembic.config import Config
from alembic.script import ScriptDirectory
from fastapi import FastAPI, Request
from sqlalchemy.exc import SQLAlchemyError
from starlette.responses import Response
from starlette.types import ASGIApp

from api import codec_cors
from api.door import Door
from api.error_handlers import install
from api.errors import Unavailable, respond
from api.json_guard import JsonGuard
from api.outbox import empty_for_ever
from api.request_id import RequestId
from api.routes import admin, checkouts, health, refunds, routing, webhooks
from api.services import Services
from api.sweep import sweep_for_ever
from config.settings import Settings
from config.temporal import connect
from gateways.registry import load_accounts
from routing.country import open_tables
from routing.country_map import load_country_map
from routing.router import Router
from storage.changes import Changes
from storage.database import Database

ROOT = Path(__file__).resolve().parent.parent

DESCRIPTION = """Takes a checkout, finds the best gateway for it, charges, and fails over when a gateway is
down, without ever charging twice. Amounts are integers of the currency's minor units. Every refusal is an
RFC 9457 problem document with a stable `code`. Card numbers are refused everywhere."""


def create_app(settings: Settings) -> ASGIApp:
    """Raises BadAccounts, BadCountryMap, BadDataset or BadKeys: with a wrong configuration nothing starts."""
    keys = settings.required_keys
    accounts = load_accounts(os.environ)
    tables = open_tables(settings.datasets_dir, settings.geo_database)
    country_map = load_country_map(settings.countries_file, accounts.known)
    router = Router(accounts.known, country_map, tables.bins, tables.geo)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        temporal = await connect(settings, lazy=True)
        parts = Services(
            settings=settings,
            database=Database(
                settings.sqlalchemy_url,
                pool_size=settings.database_pool,
                keys=keys,
                program="smartpay api",
            ),
            changes=Changes(settings.database_url),
            temporal=temporal,
            accounts=accounts,
            router=router,
            door=Door(temporal, most=settings.max_open_requests),
            schema_head=_schema_head(),
        )
        app.state.services = parts
        parts.changes.start()
        sweep = asyncio.create_task(sweep_for_ever(parts), name="sweep")
        outbox = asyncio.create_task(empty_for_ever(parts), name="outbox")
        yield
        sweep.cancel()
        outbox.cancel()
        await asyncio.gather(sweep, outbox, return_exceptions=True)
        await parts.door.aclose()
        await parts.changes.aclose()
        await accounts.aclose()
        await parts.database.aclose()

    app = FastAPI(
        title="smartpay",
        version="0.1.0",
        description=DESCRIPTION,
        lifespan=lifespan,
        redirect_slashes=False,
        redoc_url=None,
    )
    for each in (checkouts, refunds, routing, webhooks, admin, health):
        app.include_router(each.router)
    for fault in (SQLAlchemyError, ConnectionError):
        app.add_exception_handler(fault, _database_down)
    app.add_middleware(JsonGuard, sealed_prefixes=[codec_cors.PREFIX])
    install(app)
    return RequestId(codec_cors.CodecCors(app, origin=settings.temporal_ui_origin))


async def _database_down(request: Request, _error: Exception) -> Response:
    return respond(Unavailable("The database cannot be reached right now.", retry_after=2), request.scope)


def _schema_head() -> str:
    head = ScriptDirectory.from_config(Config(ROOT / "alembic.ini")).get_current_head()
    if head is None:
        raise RuntimeError("no migrations")
    return head
