"""The composition root of the API."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request
from sqlalchemy.exc import SQLAlchemyError
from starlette.responses import Response
from starlette.types import ASGIApp

from activities.account_health import account_health
from activities.policy_in_force import PolicyInForce
from api import codec_cors, health_metrics, routing_metrics
from api.backlog_metrics import count_for_ever
from api.client_address import ClientAddress
from api.door import Door
from api.error_handlers import install
from api.errors import Unavailable, respond
from api.json_guard import JsonGuard, Limits
from api.outbox import empty_for_ever
from api.rate_limits import AddressLimit, RateLimits
from api.recovery import Recovery
from api.request_id import RequestId
from api.routes import admin, checkouts, health, panel, refunds, routing, webhooks
from api.security_headers import SecurityHeaders
from api.services import Services
from api.stopping import Stopping
from api.sweep import sweep_for_ever
from api.traced import Traced
from config import tracing
from config.settings import Settings
from config.temporal import connect
from gateways.registry import load_accounts
from routing.data_files import DataFiles
from routing.policy_files import load_policy
from storage.changes import Changes
from storage.database import SCHEMA, Database

POLICY_LIMITS = Limits(json_body=4 * 1024 * 1024, keys=200_000)
"""A routing policy of thousands of rules is a larger document than any checkout."""

DESCRIPTION = """Takes a checkout, finds the best gateway for it, charges, and fails over when a gateway is
down, without ever charging twice. Amounts are integers of the currency's minor units. Every refusal is an
RFC 9457 problem document with a stable `code`. Card numbers are refused everywhere."""


def create_app(settings: Settings, stopping: Stopping | None = None) -> ASGIApp:
    """`stopping` tells streams to end.

    Raises BadAccounts, BadCountryMap, BadDataset, BadFees or BadKeys: with a wrong configuration nothing
    starts.
    """
    keys = settings.required_keys
    accounts = load_accounts(os.environ)
    files = DataFiles(settings.datasets_dir, settings.geo_database, settings.bin_database)
    policy = load_policy(settings.countries_file, settings.overrides_file, accounts.known)
    known_health = account_health(settings, accounts.known)
    router = PolicyInForce(accounts.known, policy, files, known_health.heed)
    limits = RateLimits(settings)

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
            rate_limits=limits,
            health=known_health,
            schema_head=SCHEMA,
            stopping=stopping or Stopping(),
        )
        app.state.services = parts
        parts.changes.start()
        sweep = asyncio.create_task(sweep_for_ever(parts), name="sweep")
        following = asyncio.create_task(
            router.keep(parts.database, settings.database_url), name="routing policy"
        )
        keeping = asyncio.create_task(
            known_health.keep(parts.database, settings.database_url), name="account health"
        )
        counting = (
            [asyncio.create_task(count_for_ever(parts.database, parts.metrics), name="backlog")]
            if settings.metrics_exposed
            else []
        )
        outbox = asyncio.create_task(empty_for_ever(parts), name="outbox")
        recovery = asyncio.create_task(Recovery(parts).for_ever(), name="recovery")
        with (
            routing_metrics.measured(router, parts.metrics),
            health_metrics.measured(known_health, parts.metrics),
        ):
            yield
        beside = (sweep, outbox, following, keeping, recovery, *counting)
        for task in beside:
            task.cancel()
        await asyncio.gather(*beside, return_exceptions=True)
        await parts.feed.aclose()
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
        openapi_url="/openapi.json" if settings.docs_exposed else None,
        redoc_url=None,
    )
    # Looked through in this order, at every request: the shortest question first.
    app.router.routes.append(routing.short_way)
    for each in (routing, checkouts, refunds, webhooks, admin, panel, health):
        app.include_router(each.router)
    for fault in (SQLAlchemyError, ConnectionError):
        app.add_exception_handler(fault, _database_down)
    app.add_middleware(
        JsonGuard,
        sealed_prefixes=[codec_cors.PREFIX],
        limits_under={"/v1/admin/routing/": POLICY_LIMITS, codec_cors.PREFIX: codec_cors.LIMITS},
    )
    install(app)
    answered = codec_cors.CodecCors(app, origin=settings.temporal_ui_origin)
    limited = ClientAddress(AddressLimit(answered, limits), settings.trusted_proxies)
    served = RequestId(SecurityHeaders(limited, https=settings.public_url.startswith("https://")))
    return Traced(served) if tracing.on() else served


async def _database_down(request: Request, _error: Exception) -> Response:
    return respond(Unavailable("The database cannot be reached right now.", retry_after=2), request.scope)
