"""The same straight checkout on DBOS, in the process that takes the request (`python -m bench.on_dbos`).

The request's row, unique by its key; a durable workflow with two steps: plan and record the plan; write the
attempt, charge, record the answer. Rows and DBOS's own tables are in one database of the same server.
"""

import asyncio
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

import asyncpg
import uvicorn
from dbos import DBOS, DBOSConfig, SetWorkflowID
from fastapi import FastAPI, Header
from fastapi.responses import JSONResponse
from ulid import ULID

from bench.naive import Request, gateway_from_environment

DATABASE: Final = "bench_dbos"
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS checkout (
    id text PRIMARY KEY, key text UNIQUE NOT NULL, request jsonb NOT NULL, status text NOT NULL, plan jsonb,
    created_at timestamptz NOT NULL DEFAULT now());
CREATE TABLE IF NOT EXISTS attempt (
    id text PRIMARY KEY, checkout_id text NOT NULL REFERENCES checkout, status text NOT NULL,
    sent_at timestamptz, payment_id text);
"""
_BY_COUNTRY: Final = {"NG": ["flutterwave", "stripe"], "KE": ["flutterwave", "stripe"]}


class Rows:
    """The application's tables, over one pool."""

    pool: "asyncpg.Pool[Any]"


rows: Final = Rows()


@DBOS.step()
async def plan(checkout_id: str) -> list[str]:
    async with rows.pool.acquire() as connection, connection.transaction():
        request = json.loads(
            await connection.fetchval("SELECT request FROM checkout WHERE id = $1", checkout_id)
        )
        order = _BY_COUNTRY.get(request["customer"]["country"], ["stripe", "flutterwave"])
        await connection.execute(
            "UPDATE checkout SET plan = $2 WHERE id = $1", checkout_id, json.dumps(order)
        )
    return order


@DBOS.step()
async def attempt(checkout_id: str, gateway: str) -> str:
    reference = f"att_{checkout_id}_{gateway}"
    async with rows.pool.acquire() as connection, connection.transaction():
        request = Request.model_validate_json(
            await connection.fetchval("SELECT request FROM checkout WHERE id = $1 FOR UPDATE", checkout_id)
        )
        await connection.execute(
            "INSERT INTO attempt VALUES ($1, $2, 'started', now()) ON CONFLICT DO NOTHING",
            reference,
            checkout_id,
        )
    payment = await _gateway.charge(reference, request)
    status = "succeeded" if payment["status"] == "succeeded" else "failed"
    async with rows.pool.acquire() as connection, connection.transaction():
        await connection.execute(
            "UPDATE attempt SET status = $2, payment_id = $3 WHERE id = $1", reference, status, payment["id"]
        )
        await connection.execute("UPDATE checkout SET status = $2 WHERE id = $1", checkout_id, status)
    return status


@DBOS.workflow()
async def check_out(checkout_id: str) -> str:
    status = "failed"
    for gateway in await plan(checkout_id):
        status = await attempt(checkout_id, gateway)
        if status == "succeeded":
            break
    return status


@asynccontextmanager
async def _running(_app: FastAPI) -> AsyncIterator[None]:
    server, _, _ = os.environ["DATABASE_URL"].rpartition("/")
    admin = await asyncpg.connect(os.environ["DATABASE_URL"])
    if not await admin.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", DATABASE):
        await admin.execute(f'CREATE DATABASE "{DATABASE}"')
    await admin.close()
    url = f"{server}/{DATABASE}"
    rows.pool = await asyncpg.create_pool(url, min_size=2, max_size=20)
    await rows.pool.execute(_SCHEMA)
    DBOS(
        config=DBOSConfig(
            name="bench",
            system_database_url=url.replace("postgresql://", "postgresql+psycopg://"),
            log_level="WARNING",
        )
    )
    DBOS.launch()
    yield
    DBOS.destroy()
    await rows.pool.close()


app: Final = FastAPI(lifespan=_running)
_gateway: Final = gateway_from_environment()


@app.get("/healthz")
async def health() -> dict[str, str]:
    return {"status": "ok"}


@app.post("/v1/checkouts", status_code=201)
async def create(request: Request, idempotency_key: str = Header()) -> JSONResponse:
    checkout_id = f"co_{str(ULID()).lower()}"
    made = await rows.pool.fetchval(
        "INSERT INTO checkout (id, key, request, status) VALUES ($1, $2, $3, 'processing')"
        " ON CONFLICT (key) DO NOTHING RETURNING id",
        checkout_id,
        idempotency_key,
        request.model_dump_json(),
    )
    if made is None:
        return JSONResponse({"code": "idempotency_key_reused"}, 409)
    with SetWorkflowID(checkout_id):
        handle = await DBOS.start_workflow_async(check_out, checkout_id)
    status = await asyncio.wait_for(handle.get_result(), 30)
    return JSONResponse({"id": checkout_id, "status": status, "amount": request.amount}, 201)


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(os.environ["PORT"]), log_level="warning", access_log=False)
